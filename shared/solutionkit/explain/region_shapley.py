"""SHAP values of an image's regions, for any model: what each region adds where it replaces sound surface.

The value of a set of regions is the model's output for the image with all other regions taken from a
background image; Shapley values are estimated by walking through random orders of the regions, forwards and
backwards (S. Lundberg and S. Lee, NeurIPS 2017; antithetic orders as in R. Mitchell et al., "Sampling
Permutations for Shapley Value Estimation", JMLR 23, 2022). Every walk starts at its background image and
ends at the image, so contributions add up to the output minus the backgrounds' mean output, exactly.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from solutionkit.explain.attribution import Attribution

REGIONS = 8
WALKS = 4

# `(images (batch, height, width, channels), targets (batch,)) -> (batch,)` log odds.
Outputs = Callable[[np.ndarray, np.ndarray], np.ndarray]


class RegionShapley:
    """Shapley values of a grid of regions.

    Args:
        background: `(images, height, width, channels)` sound images.
        outputs: What is explained.
        regions: A side of the grid.
        walks: Orders walked through, an even number.
        seed: Of orders and backgrounds.
    """

    def __init__(
        self,
        background: np.ndarray,
        outputs: Outputs,
        regions: int = REGIONS,
        walks: int = WALKS,
        seed: int = 0,
    ) -> None:
        self._outputs, self._regions = outputs, regions
        random = np.random.default_rng(seed)
        forwards = [random.permutation(regions**2) for _ in range(walks // 2)]
        self._orders = np.array([order for walk in forwards for order in (walk, walk[::-1])])
        chosen = np.repeat(np.resize(random.permutation(len(background)), walks // 2), 2)
        self._background = background[chosen]
        height, width = background.shape[1:3]
        self._region = (np.arange(height) * regions // height)[:, None] * regions + np.arange(
            width
        ) * regions // width

    def explain(self, images: np.ndarray, targets: np.ndarray) -> Attribution:
        """`(rows, regions, regions)` contributions to each image's log odds.

        Args:
            images: `(rows, height, width, channels)`.
            targets: `(rows,)` what is explained of each image.
        """
        values, bases, outputs = [], [], []
        for image, target in zip(images, targets, strict=True):
            steps = self._regions**2 + 1
            walks = np.concatenate([self._walk(image, number) for number in range(len(self._orders))])
            said = self._outputs(walks, np.repeat(target, len(walks))).reshape(len(self._orders), steps)
            contribution = np.zeros((len(self._orders), steps - 1))
            np.put_along_axis(contribution, self._orders, np.diff(said, axis=1), axis=1)
            values.append(contribution.mean(axis=0).reshape(self._regions, self._regions))
            bases.append(said[:, 0].mean())
            outputs.append(said[:, -1].mean())
        return Attribution(np.array(values), np.array(bases), np.array(outputs))

    def _walk(self, image: np.ndarray, number: int) -> np.ndarray:
        """`(regions + 1, height, width, channels)`: from the background to the image, region by region."""
        rank = np.empty(self._regions**2, np.int64)
        rank[self._orders[number]] = np.arange(self._regions**2)
        shown = rank[self._region][None] < np.arange(self._regions**2 + 1)[:, None, None]
        return np.where(shown[..., None], image, self._background[number])
