"""Labels beside the one that decides (`columns.further`): what they are, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from solutionkit.errors import Problem
from solutionkit.splits import SPLITS
from solutionkit.tasks.base import Task
from solutionkit.use_case import Project


def further_tasks(
    table: pa.Table, splits: np.ndarray, project: Project
) -> tuple[tuple[Task, ...], list[Problem], list[str]]:
    """The tasks that further labels make; rows without such a label are neither learned from nor judged by.

    Args:
        table: The raw rows.
        splits: `(rows,)` names of splits.
        project: Names the labels.

    Returns:
        The tasks, what must be mended, and notes.
    """
    found, problems, notes = [], [], []
    for label in project.declaration.columns.further:
        values = table[label]
        task, refused = project.task.find_further(values, label)
        problems += refused
        if task is None:
            continue
        known = values.is_valid().to_numpy()
        encoded, unfit = task.encode(values.filter(pa.array(known)))
        labels = task.label_array(encoded)
        sides = {name: labels[splits[known] == name] for name in SPLITS}
        problems += [
            *unfit,
            *task.label_problems(labels),
            *task.split_problems(sides, project.declaration.training.method),
        ]
        if not known.all():
            notes.append(f"{(~known).sum():,} rows have no '{label}'; they say nothing of it")
        found.append(task)
    return tuple(found), problems, notes
