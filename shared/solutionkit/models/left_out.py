"""Trainings that saw no row of one value of a column: how well is a site told that nothing was learned of?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from solutionkit.examples.declared import USUAL_METHOD
from solutionkit.models.arrays import TransformedSplit
from solutionkit.splits import VALIDATION
from solutionkit.tasks.base import Task

# Values of the column, the most frequent ones, and rows that each must have to be left out.
MOST_VALUES, FEWEST_ROWS = 6, 20


@dataclass(frozen=True)
class Without:
    """Rows of the training side without those of a value.

    Attributes:
        value: The value.
        train: Rows to fit.
        validation: Rows that end training.
    """

    value: str
    train: TransformedSplit
    validation: TransformedSplit


def parts_without(
    train: TransformedSplit,
    validation: TransformedSplit,
    values: tuple[np.ndarray, np.ndarray],
    task: Task,
) -> Iterator[Without]:
    """The training side without each of the most frequent values of a column, if enough is left then.

    Args:
        train: Rows to fit.
        validation: Rows that end training.
        values: The column, of both.
        task: Says whether what is left can be learned from.
    """
    found, counts = np.unique(np.concatenate(values).astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_VALUES]
    for value in found[order[counts[order] >= FEWEST_ROWS]]:
        first, second = (
            part.take(own.astype(str) != value) for part, own in zip((train, validation), values, strict=True)
        )
        if len(first) and len(second) and not task.label_problems(first.label) and whole(second, task):
            yield Without(str(value), with_whole_folds(first, task), second)


def with_whole_folds(rows: TransformedSplit, task: Task) -> TransformedSplit:
    """Rows with their folds counted anew; with but one where a fold has too little left to judge by.

    Args:
        rows: Rows to fit.
        task: Says what is too little.
    """
    if rows.fold is None:
        return rows
    codes = np.unique(rows.fold, return_inverse=True)[1] + 1
    all_whole = all(whole(rows.take(codes == code), task) for code in np.unique(codes))
    return replace(rows, fold=codes if all_whole else np.ones(len(rows), np.int64))


def whole(rows: TransformedSplit, task: Task) -> bool:
    """Whether rows have all that a split must have."""
    return not task.split_problems({VALIDATION: rows.label}, USUAL_METHOD)
