"""Both image models as explainers: where in the picture is what speaks for the class?"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.attribution import Attribution
from solutionkit.explain.expected_gradients import ExpectedGradients
from solutionkit.explain.region_shapley import REGIONS, RegionShapley
from solutionkit.kinds import IMAGE
from solutionkit.models.additive import load_additive
from solutionkit.models.anomaly import load_distance
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.explanation_files import load_background
from solutionkit.models.image_network import HEAD_FILE, MAPS_FILE
from solutionkit.models.texture import texture_features
from solutionkit.models.texture_baseline import load_learned
from solutionkit.models.texture_linear import linear_score
from solutionkit.tasks.classification.metrics import class_probabilities, detection_scores
from solutionkit.tasks.classification.odds import log_odds
from solutionkit.tasks.classification.task import classification

AT_ONCE = 128
# Background images, and points on the path from each: few and many leave the least residual for their cost.
BACKGROUND, NODES = 8, 12


class ImageExplainer(Protocol):
    """Explains images."""

    method: str

    def explain(self, rows: TransformedSplit, targets: np.ndarray) -> Attribution:
        """`(rows, places, places)` contributions to the log odds of each image's target."""
        ...

    def outputs(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """`(images,)` log odds of the targets."""
        ...

    @property
    def background(self) -> np.ndarray:
        """`(images, height, width, channels)` images that nothing is found in."""
        ...


def target_log_odds(outputs: tf.Tensor, targets: tf.Tensor, spec: TableSpec) -> tf.Tensor:
    """`(batch,)` log odds of what is explained: of any defect where some class is sound, else of the target.

    Args:
        outputs: `(batch, outputs)` probabilities.
        targets: `(batch,)` class ids.
        spec: What the classes mean.
    """
    task = classification(spec)
    if task.outputs == 1:
        return log_odds(outputs[:, 0])
    if task.has_negative_class:
        return -log_odds(outputs[:, 0])
    return log_odds(tf.gather(outputs, targets, axis=1, batch_dims=1))


class TextureExplainer:
    """Shapley values of regions for a model of texture features.

    Args:
        folder: Holds background images.
        spec: What images and classes are.
        score: TensorFlow ops: `(batch, features)` float64 -> `(batch, outputs)`.
    """

    def __init__(self, folder: Path, spec: TableSpec, score: Callable[[tf.Tensor], tf.Tensor]) -> None:
        feature = spec.only(IMAGE)
        self.background = load_background(folder)[IMAGE]
        has_sound = classification(spec).has_negative_class
        others = "from sound images" if has_sound else "in one even colour"
        self.method = f"Shapley values of {REGIONS} x {REGIONS} regions, the others {others}"

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, *feature.shape], tf.float32),
                tf.TensorSpec([None], tf.int64),
            ],
            autograph=False,
        )
        def outputs(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
            features = texture_features(images, float(feature.white))
            return target_log_odds(score(tf.cast(features, tf.float64)), targets, spec)

        self._outputs = outputs
        self._regions = RegionShapley(self.background, self.outputs)

    def explain(self, rows: TransformedSplit, targets: np.ndarray) -> Attribution:
        """`(rows, places, places)` contributions to the log odds of each image's target."""
        return self._regions.explain(rows.of(IMAGE), targets)

    def outputs(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """`(images,)` log odds of the targets."""
        return in_pieces(self._outputs, images, targets)


class TextureBaseline(TextureExplainer):
    """Of what was learned of texture features.

    Args:
        folder: Holds what was learned and background images.
        spec: What images and classes are.
    """

    def __init__(self, folder: Path, spec: TableSpec) -> None:
        super().__init__(folder, spec, load_learned(folder).scorer())


class TextureLinear(TextureExplainer):
    """Of a linear function of texture features.

    Args:
        folder: Holds the function and background images.
        spec: What images and classes are.
    """

    def __init__(self, folder: Path, spec: TableSpec) -> None:
        super().__init__(folder, spec, functools.partial(linear_score, load_additive(folder), spec))


class TextureDistance(TextureExplainer):
    """Of a distance of texture features.

    Args:
        folder: Holds the distance and background images.
        spec: What images and classes are.
    """

    def __init__(self, folder: Path, spec: TableSpec) -> None:
        super().__init__(folder, spec, load_distance(folder).scorer())


class NetworkExplainer:
    """Expected gradients at the feature maps of the network.

    Args:
        folder: Holds both parts of the network and background images.
        spec: What images and classes are.
    """

    def __init__(self, folder: Path, spec: TableSpec) -> None:
        feature = spec.only(IMAGE)
        assert feature is not None
        self._maps = keras.models.load_model(folder / MAPS_FILE, compile=False)
        self._head = keras.models.load_model(folder / HEAD_FILE, compile=False)
        self._spec = spec
        self._answers = spec.task.head(np.zeros(0, np.int64)).answers
        self.background = load_background(folder)[IMAGE]
        height, width = self._maps.output.shape[1:3]
        self.method = f"expected gradients at the {height} x {width} feature maps, summed over regions"
        self._outputs = tf.function(
            lambda images, targets: self._log_odds(self._maps(images, training=False), targets),
            reduce_retracing=True,
        )
        background = self._embed(self.background[:BACKGROUND])
        self._gradients = ExpectedGradients(background, self._log_odds, NODES)

    def explain(self, rows: TransformedSplit, targets: np.ndarray) -> Attribution:
        """`(rows, places, places)` contributions to the log odds of each image's target."""
        cells = self._gradients.explain(self._embed(rows.of(IMAGE)), targets)
        assert cells.halves is not None
        # Single places of fine maps are noise; a sum over some of them is still a contribution, and all
        # models are asked about the same regions.
        halves = np.stack([summed(half, REGIONS) for half in cells.halves])
        return Attribution(summed(cells.values, REGIONS), cells.base, cells.output, halves)

    def outputs(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """`(images,)` log odds of the targets."""
        return in_pieces(self._outputs, images, targets)

    def last_layer(self, images: np.ndarray) -> np.ndarray:
        """`(images, features)` what the last layer of each network side by side sees."""
        heads = [layer for layer in self._head.layers if isinstance(layer, keras.Model)] or [self._head]
        seen = []
        for head, maps in zip(heads, tf.split(self._embed(images), len(heads), axis=-1), strict=True):
            last = next(layer for layer in reversed(head.layers) if isinstance(layer, keras.layers.Dense))
            seen.append(keras.Model(head.input, last.input)(maps, training=False).numpy())
        return np.concatenate(seen, axis=1)

    def _embed(self, images: np.ndarray) -> tf.Tensor:
        pieces = range(0, len(images), AT_ONCE)
        return tf.concat(
            [
                self._maps(tf.constant(images[start : start + AT_ONCE], tf.float32), training=False)
                for start in pieces
            ],
            axis=0,
        )

    def _log_odds(self, maps: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return target_log_odds(self._answers(self._head(maps, training=False)), targets, self._spec)


def summed(values: np.ndarray, places: int) -> np.ndarray:
    """`(rows, height, width)` contributions summed over a grid of at most so many places a side."""
    for axis in (1, 2):
        size = values.shape[axis]
        count = min(places, size)
        values = np.add.reduceat(values, np.arange(count) * size // count, axis=axis)
    return values


def likeliest(outputs: np.ndarray, spec: TableSpec) -> tuple[np.ndarray, list[str], np.ndarray]:
    """`(rows,)` the class that each image is taken for, as a target and in words, and what is explained.

    Args:
        outputs: `(rows, outputs)` probabilities.
        spec: What the classes mean.
    """
    task = classification(spec)
    targets = class_probabilities(outputs).argmax(axis=1).astype(np.int64)
    if not task.has_negative_class:
        return targets, [task.classes[target] for target in targets], outputs.max(axis=1)
    positive = detection_scores(outputs)
    names = [task.positive_name or "" if item else task.classes[0] for item in positive > 0.5]
    return targets, names, positive


def in_pieces(
    outputs: tf.types.experimental.GenericFunction, images: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """`(images,)` outputs, some images at a time."""
    parts = [
        outputs(
            tf.constant(images[start : start + AT_ONCE], tf.float32),
            tf.constant(targets[start : start + AT_ONCE], tf.int64),
        )
        for start in range(0, len(images), AT_ONCE)
    ]
    return np.concatenate(parts).astype(np.float64)
