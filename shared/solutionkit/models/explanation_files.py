"""What an exported model carries for its own explanation, beside what a server loads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from solutionkit.errors import UserError
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.trained import TrainedModel

EXPLANATION_FOLDER = "assets.extra/explanation"
TRANSFORM_FILE, BACKGROUND_FILE, EXPLAINER_FILE = "transform.zip", "background.npz", "explainer.json"
BACKGROUND_ROWS = 200


def write_explanation_files(trained: TrainedModel, transform_output: Path, model: Path) -> None:
    """Write the explainer's name and files and tf.Transform's graph into a SavedModel's folder."""
    folder = model / EXPLANATION_FOLDER
    folder.mkdir(parents=True)
    trained.save_for_explanation(folder)
    (folder / EXPLAINER_FILE).write_text(json.dumps({"explainer": trained.explainer}))
    # Packed, because TFX's Pusher leaves out every nested saved_model.pb.
    shutil.make_archive(str((folder / TRANSFORM_FILE).with_suffix("")), "zip", transform_output)


def explainer_name(folder: Path) -> str:
    """The dotted name of the class that explains a model, from its `EXPLANATION_FOLDER`.

    Raises:
        UserError: There is none.
    """
    try:
        name: str = json.loads((folder / EXPLAINER_FILE).read_text())["explainer"]
    except (OSError, ValueError, KeyError):
        raise UserError(
            f"{folder / EXPLAINER_FILE}: names no explainer; run the pipeline again: solutionkit run."
        ) from None
    return name


def save_drawn_rows(folder: Path, train: TransformedSplit, seed: int) -> None:
    """Write some training rows as what an explanation compares with; the same ones of every model.

    Args:
        folder: The model's.
        train: The training rows.
        seed: Of the draw.
    """
    drawn = np.random.default_rng(seed).permutation(len(train))[:BACKGROUND_ROWS]
    save_background(folder, train.take(np.sort(drawn)).inputs)


def save_background(folder: Path, inputs: dict[str, np.ndarray]) -> None:
    """Write the rows that an explanation compares with, by kind of column."""
    np.savez(folder / BACKGROUND_FILE, **inputs)  # type: ignore[arg-type]


def load_background(folder: Path) -> dict[str, np.ndarray]:
    """The rows that `save_background` wrote."""
    with np.load(folder / BACKGROUND_FILE) as stored:
        return {name: stored[name] for name in stored.files}
