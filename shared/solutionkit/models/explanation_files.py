"""What an exported model carries for its own explanation, beside what a server loads."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from solutionkit.models.arrays import TableArrays
from solutionkit.models.trained import TrainedModel

EXPLANATION_FOLDER = "assets.extra/explanation"
TRANSFORM_FILE = "transform.zip"
BACKGROUND_FILE = "background.npz"
BACKGROUND_ROWS = 200


def write_explanation_files(
    trained: TrainedModel, train: TableArrays, transform_output: Path, model: Path, seed: int
) -> None:
    """Write the explainer's files, background rows and tf.Transform's graph into a SavedModel's folder."""
    folder = model / EXPLANATION_FOLDER
    folder.mkdir(parents=True)
    trained.save_for_explanation(folder)
    rows = np.random.default_rng(seed).permutation(len(train))[:BACKGROUND_ROWS]
    np.savez(folder / BACKGROUND_FILE, **train.take(np.sort(rows)).inputs)  # type: ignore[arg-type]
    # Packed, because TFX's Pusher leaves out every nested saved_model.pb.
    shutil.make_archive(str((folder / TRANSFORM_FILE).with_suffix("")), "zip", transform_output)
