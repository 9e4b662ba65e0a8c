"""What `check` and the report tell of audited data."""

from __future__ import annotations

from typing import Any

import numpy as np

from solutionkit.examples.audit import AuditedTable
from solutionkit.modalities.base import Modality
from solutionkit.splits import SPLITS
from solutionkit.tasks.base import Task

FILE_NAME = "data.json"
SHOWN_NOTES = 12


def lines(audited: AuditedTable, modality: Modality) -> list[str]:
    """What a reader wants to know of audited data, a few lines."""
    spec = audited.spec
    labels = spec.task.label_array(audited.table[spec.label])[np.isin(audited.splits, SPLITS)]
    rows = audited.rows()
    counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    told = [
        f"rows     {sum(rows.values()):,}: {counts}",
        f"split    {audited.split_rule}",
        f"label    {spec.label}: {spec.task.describe(labels)}",
        *(f"further  {task.label}: {task.describe(_known(audited, task))}" for task in spec.further),
        *modality.lines(audited),
    ]
    shown = audited.notes[:SHOWN_NOTES]
    told += [f"         {note}" for note in shown]
    if len(audited.notes) > len(shown):
        told.append(f"         and {len(audited.notes) - len(shown)} more notes like these")
    return told


def _known(audited: AuditedTable, task: Task) -> np.ndarray:
    """`(rows,)` encoded labels of those rows that have a further one."""
    return task.label_array(task.encode(audited.table[task.label].drop_null())[0])


def data_facts(audited: AuditedTable, modality: Modality) -> dict[str, Any]:
    """What a run keeps of its data beside the rows, as JSON."""
    spec = audited.spec
    return {
        "lines": lines(audited, modality),
        "inferred": audited.inferred,
        "rows": audited.rows(),
        "split_rule": audited.split_rule,
        "columns": modality.facts(audited),
        "label": spec.label,
        "task": spec.task.to_json(),
        "output": spec.task.output,
        "notes": list(audited.notes),
        "ignored": spec.ignored,
    }
