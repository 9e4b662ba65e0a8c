"""Which rows a model is held out from, by the preset."""

from __future__ import annotations

import numpy as np

from solutionkit.declaration import Training
from solutionkit.models.arrays import TransformedSplit


def fold_codes(rows: TransformedSplit, training: Training, most: float) -> np.ndarray:
    """`(rows,)` codes of rows that are held out together, one after the other; -1 for those that never are.

    Of a large table fewer folds are held out, so that fewer fits are made. That goes by its size and not by
    the clock, so that the same data gives the same models on any machine.

    Args:
        rows: Training and validation rows (`TransformedSplit.joined`).
        training: With the preset "quick" the validation rows alone are held out.
        most: Rows times fits that may be learned from in one pass.
    """
    assert rows.fold is not None
    fits = max(int(most // len(rows)), 1) if training.by_folds and rows.fold.max() > 1 else 1
    return np.where(rows.fold < fits, rows.fold, -1)


def parted(held_out: np.ndarray, train: int) -> tuple[np.ndarray | None, np.ndarray]:
    """Scores of the training rows, if some were held out, and of the validation rows.

    Args:
        held_out: `(rows, outputs)`, NaN where a row was never held out.
        train: How many rows are training rows; these come first.
    """
    first = held_out[:train]
    return (None if np.isnan(first).all() else first), held_out[train:]


def drawn(rows: int, most: int, seed: int) -> np.ndarray:
    """Positions of rows that are learned from, in order: all, or as many as there is room for.

    Args:
        rows: How many there are.
        most: How many there is room for.
        seed: Of the draw.
    """
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def among_all(scores: np.ndarray | None, chosen: np.ndarray, rows: int) -> np.ndarray | None:
    """Scores of drawn rows in the places of all rows, NaN for the others; None where there are none.

    Args:
        scores: `(drawn rows, outputs)`, if rows were held out.
        chosen: `(drawn rows,)` positions.
        rows: How many there are.
    """
    if scores is None or len(chosen) == rows:
        return scores
    found = np.full((rows, scores.shape[1]), np.nan)
    found[chosen] = scores
    return found
