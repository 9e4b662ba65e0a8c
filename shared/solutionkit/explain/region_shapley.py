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

from solutionkit.explain.attribution import RELIABLE, Attribution, of_the_whole

REGIONS = 8
# Orders, each walked forwards and backwards: more are walked until two halves of them agree, unless so many
# tell that they never will.
FEWEST_ORDERS, TELLING_ORDERS, MOST_ORDERS = 2, 4, 12

# `(images (batch, height, width, channels), targets (batch,)) -> (batch,)` log odds.
Outputs = Callable[[np.ndarray, np.ndarray], np.ndarray]


class RegionShapley:
    """Shapley values of a grid of regions.

    Args:
        background: `(images, height, width, channels)` sound images.
        outputs: What is explained.
        regions: A side of the grid.
        most: Orders walked through at most, an even number.
        seed: Of orders and backgrounds.
    """

    def __init__(
        self,
        background: np.ndarray,
        outputs: Outputs,
        regions: int = REGIONS,
        most: int = MOST_ORDERS,
        seed: int = 0,
    ) -> None:
        self._outputs, self._regions = outputs, regions
        random = np.random.default_rng(seed)
        forwards = [random.permutation(regions**2) for _ in range(most)]
        self._orders = np.array([order for walk in forwards for order in (walk, walk[::-1])])
        self._background = background[np.repeat(np.resize(random.permutation(len(background)), most), 2)]
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
        found = [self._one(image, target) for image, target in zip(images, targets, strict=True)]
        halves = np.array([half for half, _, _ in found]).swapaxes(0, 1)
        bases, outputs = (np.array([item[place] for item in found]) for place in (1, 2))
        shape = (2, len(images), self._regions, self._regions)
        return Attribution(
            halves.mean(axis=0).reshape(shape[1:]), bases, outputs, np.array(halves.reshape(shape))
        )

    def _one(self, image: np.ndarray, target: int) -> tuple[np.ndarray, float, float]:
        """`(2, places)` contributions by every other order, what they start from and what they end at."""
        walked: list[np.ndarray] = []
        while True:
            for _ in range(FEWEST_ORDERS):
                first = 2 * len(walked)
                walked.append(np.stack([self._said(image, target, number) for number in (first, first + 1)]))
            said = np.array(walked)
            orders = self._orders[: 2 * len(walked)].reshape(len(walked), 2, -1)
            contributions = np.zeros(orders.shape)
            np.put_along_axis(contributions, orders, np.diff(said, axis=2), axis=2)
            halves = np.stack([contributions[start::2].mean(axis=(0, 1)) for start in (0, 1)])
            if not self._worth_more(len(walked), of_the_whole(*halves)):
                break
        return halves, float(said[:, :, 0].mean()), float(said[:, :, -1].mean())

    def _worth_more(self, walked: int, reliability: float) -> bool:
        """Whether more orders are needed, and those that are left might be enough.

        Args:
            walked: Orders so far.
            reliability: Of these together.
        """
        most = len(self._orders) // 2
        if walked >= most or not reliability < RELIABLE:
            return False
        if walked < TELLING_ORDERS:
            return True
        each = max(reliability, 0.0) / (walked - (walked - 1) * max(reliability, 0.0))
        return each * most / (1.0 + (most - 1) * each) >= RELIABLE

    def _said(self, image: np.ndarray, target: int, number: int) -> np.ndarray:
        """`(regions + 1,)` what is explained, along a walk."""
        walk = self._walk(image, number)
        return self._outputs(walk, np.repeat(target, len(walk)))

    def _walk(self, image: np.ndarray, number: int) -> np.ndarray:
        """`(regions + 1, height, width, channels)`: from the background to the image, region by region."""
        rank = np.empty(self._regions**2, np.int64)
        rank[self._orders[number]] = np.arange(self._regions**2)
        shown = rank[self._region][None] < np.arange(self._regions**2 + 1)[:, None, None]
        return np.where(shown[..., None], image, self._background[number])
