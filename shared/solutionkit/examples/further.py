"""Labels beside the one that decides (`columns.further_labels`): what they are, and what is wrong there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from solutionkit.compare.decision import Decision
from solutionkit.errors import Problem
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.declared import USUAL_METHOD
from solutionkit.modalities.base import Modality
from solutionkit.splits import SPLITS
from solutionkit.tasks.base import Task
from solutionkit.use_case import Project


def further_tasks(
    table: pa.Table, splits: np.ndarray, task: Task, project: Project
) -> tuple[tuple[Task, ...], list[Problem], list[str]]:
    """The tasks that further labels make; rows without such a label are neither learned from nor judged by.

    Args:
        table: The raw rows.
        splits: `(rows,)` names of splits.
        task: What decides.
        project: Names the labels.

    Returns:
        The tasks, what must be mended, and notes.
    """
    found: list[Task] = []
    problems: list[Problem] = []
    notes: list[str] = []
    declared, method = project.declaration.columns.further_labels, project.declaration.training.method
    if not declared:
        return (), [], []
    if method != USUAL_METHOD:
        message = f'columns.further_labels means nothing for training.method = "{method}"'
        return (), [Problem("unread_key", message, "remove one of them")], []
    told = dict.fromkeys(task.frame(np.zeros((1, task.outputs))), "the label")
    for label in declared:
        # What is missing was told before.
        if label not in table.column_names:
            continue
        values = table[label]
        further, refused = project.task.find_further(values, label)
        problems += refused
        if further is None:
            continue
        known = values.is_valid().to_numpy()
        encoded, unfit = further.encode(values.filter(pa.array(known)))
        labels = further.label_array(encoded)
        # With all columns that `predict` may write.
        decision = Decision(0.5, levels=(0.5,) * max(further.outputs, 2))
        clash = [
            name
            for name in further.brief(np.zeros((1, further.outputs)), decision)
            if told.setdefault(name, label) != label
        ]
        if clash:
            message = (
                f"columns.further_labels: '{label}' and '{told[clash[0]]}' would both be told as '{clash[0]}'"
            )
            problems.append(Problem("reserved_name", message, "rename one in the data", label))
        sides = {name: labels[splits[known] == name] for name in SPLITS}
        problems += [
            *unfit,
            *further.label_problems(labels),
            *further.split_problems(sides, method),
        ]
        if not known.all():
            notes.append(f"{(~known).sum():,} rows have no '{label}'; they say nothing of it")
        found.append(further)
    return tuple(found), problems, notes


def further_leaks(table: pa.Table, spec: TableSpec, modality: Modality, trusted: list[str]) -> list[str]:
    """Columns that tell a further label all alone, one sentence each; they stay features of the label.

    Args:
        table: Typed columns of training rows.
        spec: What the columns are.
        modality: Looks for them.
        trusted: Columns that the declaration names as features.
    """
    notes = []
    for task in spec.further:
        known = table.filter(table[task.label].is_valid())
        labels = task.label_array(task.encode(known[task.label])[0])
        for told in task.leaks(labels):
            found = modality.leakage_problems(known, told, spec.of_further(task), trusted)
            notes += [f"of the further label '{task.label}': {item.message}" for item in found]
    return list(dict.fromkeys(notes))
