"""Images to compare with, for explanations."""

from __future__ import annotations

import numpy as np

from solutionkit.examples.columns import TableSpec
from solutionkit.models.arrays import TransformedSplit
from solutionkit.tasks.classification.task import classification

IMAGES = 16


def background_images(train: TransformedSplit, spec: TableSpec, seed: int) -> dict[str, np.ndarray]:
    """Sound images, where some class is sound; else some of all, each in one even colour.

    Args:
        train: The training images.
        spec: What the classes are.
        seed: Draws the images.
    """
    has_sound = classification(spec).has_negative_class
    candidates = np.flatnonzero(train.label == 0) if has_sound else np.arange(len(train))
    drawn = np.sort(np.random.default_rng(seed).permutation(candidates)[:IMAGES])
    inputs = train.take(drawn).inputs
    return inputs if has_sound else {name: flattened(images) for name, images in inputs.items()}


def flattened(images: np.ndarray) -> np.ndarray:
    """Each image as one even colour, its mean.

    Without sound images, those of other classes would lend the heat maps their own places.
    """
    means = images.mean(axis=(1, 2), keepdims=True)
    return np.broadcast_to(means, images.shape).round().astype(images.dtype)
