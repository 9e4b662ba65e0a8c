"""Which rows a model is held out from, by the preset."""

from __future__ import annotations

import numpy as np

from solutionkit.declaration import Training
from solutionkit.models.arrays import TransformedSplit


def fold_codes(rows: TransformedSplit, training: Training) -> np.ndarray:
    """`(rows,)` codes of rows that are held out together, one after the other; -1 for those that never are.

    Args:
        rows: Training and validation rows (`TransformedSplit.joined`).
        training: With another preset than the standard one the validation rows alone are held out.
    """
    assert rows.fold is not None
    if training.preset != "standard" or rows.fold.max() <= 1:
        return np.where(rows.fold == 0, 0, -1)
    return rows.fold


def parted(held_out: np.ndarray, train: int) -> tuple[np.ndarray | None, np.ndarray]:
    """Scores of the training rows, if they have such, and of the validation rows.

    Args:
        held_out: `(rows, outputs)`, NaN where a row was never held out.
        train: How many rows are training rows; these come first.
    """
    first = held_out[:train]
    return (None if np.isnan(first).any() else first), held_out[train:]
