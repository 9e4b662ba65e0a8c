"""Sets of classes that hold the true one as often as was promised, of each class and of whole patients.

Split conformal prediction by class (V. Vovk, D. Lindsay, I. Nouretdinov, A. Gammerman, "Mondrian confidence
machine", 2003; A. Angelopoulos, S. Bates, "Conformal prediction: a gentle introduction", 2023). A patient
with several pictures counts once, by the one that fits worst: so the promise is of all of a patient's
pictures of a class together, and pictures that resemble each other flatter nothing.
"""

from __future__ import annotations

import numpy as np


def class_levels(
    labels: np.ndarray, probabilities: np.ndarray, units: np.ndarray | None, coverage: float
) -> list[float]:
    """Of each class the least probability at which it is in a row's set.

    Args:
        labels: `(rows,)` class ids of held-out rows.
        probabilities: `(rows, classes)` of a model not fitted on them.
        units: `(rows,)` codes of rows of a patient, if there are such.
        coverage: What is promised, e.g. 0.9.
    """
    codes = np.arange(len(labels)) if units is None else units
    levels = []
    for place in range(probabilities.shape[1]):
        rows = labels == place
        if not rows.any():
            levels.append(0.0)
            continue
        own, members = np.unique(codes[rows], return_inverse=True)
        worst = np.ones(len(own))
        np.minimum.at(worst, members, probabilities[rows, place])
        levels.append(_level(np.sort(worst), coverage))
    return levels


def _level(worst: np.ndarray, coverage: float) -> float:
    """The largest level that leaves out no more than promised of `(units,)` ascending probabilities."""
    # Of so many others and the new one together, as many may lie below.
    below = int(np.floor((1.0 - coverage) * (len(worst) + 1) + 1e-9))
    # With too few to promise anything the class is in every set.
    return float(worst[below - 1]) if below >= 1 else 0.0


def sets(probabilities: np.ndarray, levels: list[float]) -> np.ndarray:
    """`(rows, classes)` which classes are in each row's set."""
    inside: np.ndarray = probabilities >= np.array(levels)
    return inside


def referred(probabilities: np.ndarray, levels: list[float]) -> np.ndarray:
    """`(rows,)` which rows' sets hold not exactly one class."""
    unsure: np.ndarray = sets(probabilities, levels).sum(axis=1) != 1
    return unsure


def covered_units(
    labels: np.ndarray, probabilities: np.ndarray, levels: list[float], units: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Of each unit and class that it has, whether all such rows' sets hold the true class.

    Args:
        labels: `(rows,)` class ids.
        probabilities: `(rows, classes)`.
        levels: See `class_levels`.
        units: `(rows,)` codes of rows of a patient, if there are such.

    Returns:
        `(pairs,)` truth values, and `(rows,)` which pair each row is of.
    """
    codes = np.arange(len(labels)) if units is None else units
    held = sets(probabilities, levels)[np.arange(len(labels)), labels]
    pairs = np.unique(np.stack([codes, labels]), axis=1, return_inverse=True)[1].reshape(-1)
    covered = np.ones(int(pairs.max(initial=-1)) + 1, bool)
    np.logical_and.at(covered, pairs, held)
    return covered, pairs
