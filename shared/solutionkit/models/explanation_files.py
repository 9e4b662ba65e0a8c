"""What an exported model carries for its own explanation, beside what a server loads."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from solutionkit.examples.columns import TableSpec
from solutionkit.models.arrays import Arrays
from solutionkit.models.trained import TrainedModel

EXPLANATION_FOLDER = "assets.extra/explanation"
TRANSFORM_FILE = "transform.zip"
BACKGROUND_FILE = "background.npz"
BACKGROUND_ROWS, BACKGROUND_IMAGES = 200, 16


def write_explanation_files(
    trained: TrainedModel, train: Arrays, spec: TableSpec, transform_output: Path, model: Path, seed: int
) -> None:
    """Write the explainer's files, background rows and tf.Transform's graph into a SavedModel's folder."""
    folder = model / EXPLANATION_FOLDER
    folder.mkdir(parents=True)
    trained.save_for_explanation(folder)
    background = train.take(background_rows(train, spec, seed)).inputs
    if spec.image and not spec.detects:
        background = {name: flattened(images) for name, images in background.items()}
    np.savez(folder / BACKGROUND_FILE, **background)  # type: ignore[arg-type]
    # Packed, because TFX's Pusher leaves out every nested saved_model.pb.
    shutil.make_archive(str((folder / TRANSFORM_FILE).with_suffix("")), "zip", transform_output)


def background_rows(train: Arrays, spec: TableSpec, seed: int) -> np.ndarray:
    """Rows to compare with: any of a table; of images sound ones, where some class is sound."""
    random = np.random.default_rng(seed)
    if spec.image is None:
        return np.sort(random.permutation(len(train))[:BACKGROUND_ROWS])
    candidates = np.flatnonzero(train.label == 0) if spec.detects else np.arange(len(train))
    return np.sort(random.permutation(candidates)[:BACKGROUND_IMAGES])


def flattened(images: np.ndarray) -> np.ndarray:
    """Each image as one even colour, its mean.

    Without sound images, those of other classes would lend the heat maps their own places.
    """
    means = images.mean(axis=(1, 2), keepdims=True)
    return np.broadcast_to(means, images.shape).round().astype(images.dtype)


def load_background(folder: Path) -> dict[str, np.ndarray]:
    """The background rows that `write_explanation_files` wrote, by input."""
    with np.load(folder / BACKGROUND_FILE) as stored:
        return {name: stored[name] for name in stored.files}
