"""Rows that are worth a look."""

from __future__ import annotations

import numpy as np


def by_outcome(
    labels: np.ndarray, scores: np.ndarray, threshold: float, each: int = 1
) -> dict[str, list[int]]:
    """Positions of the surest rows of each outcome, and of the row nearest to the threshold.

    Args:
        labels: `(rows,)` of 0 and 1.
        scores: `(rows,)` probabilities.
        threshold: Rows at or above it are flagged.
        each: The most of each outcome.
    """
    flagged = scores >= threshold
    members = {
        "true_positive": (flagged & (labels == 1), scores),
        "false_positive": (flagged & (labels == 0), scores),
        "false_negative": (~flagged & (labels == 1), -scores),
        "true_negative": (~flagged & (labels == 0), -scores),
    }
    positions = surest(members, each)
    positions["borderline"] = [int(np.argmin(np.abs(scores - threshold)))]
    return positions


def told_or_confused(labels: np.ndarray, outputs: np.ndarray, each: int = 1) -> dict[str, list[int]]:
    """Positions of the rows that were most surely told rightly, and taken for another class.

    Args:
        labels: `(rows,)` class ids.
        outputs: `(rows, classes)` probabilities.
        each: The most of each kind.
    """
    right, sure = outputs.argmax(axis=1) == labels, outputs.max(axis=1)
    return surest({"right": (right, sure), "confused": (~right, sure)}, each)


def surest(sets: dict[str, tuple[np.ndarray, np.ndarray]], each: int) -> dict[str, list[int]]:
    """Positions of each set's strongest members, where there are any.

    Args:
        sets: `(rows,)` members and `(rows,)` strength, by name.
        each: The most of each.
    """
    positions = {}
    for name, (members, strength) in sets.items():
        rows = np.flatnonzero(members)
        if rows.size:
            positions[name] = [int(row) for row in rows[np.argsort(-strength[rows], kind="stable")[:each]]]
    return positions
