"""Whether values of a column can be left out of training (`compare.leave_out`)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from solutionkit.cells import as_text
from solutionkit.errors import Problem
from solutionkit.examples.columns import TableSpec
from solutionkit.splits import EVAL, TRAIN, VALIDATION

# Rows of a value on each side of the split.
FEWEST_ROWS = 30


def left_out_problems(
    table: pa.Table, splits: np.ndarray, spec: TableSpec, column: str | None
) -> list[Problem]:
    """Why no value of a column can be left out.

    Args:
        table: Typed columns.
        splits: `(rows,)` names of splits.
        spec: What the columns are.
        column: `compare.leave_out`, if it is declared.
    """
    if column is None or column not in table.column_names:
        return []
    if not spec.is_text(column):
        message = f"compare.leave_out names '{column}', which is a number"
        return [Problem("unread_key", message, "name a column of few values, e.g. a site", column)]
    texts = as_text(table[column])
    sides = []
    for names in ((EVAL,), (TRAIN, VALIDATION)):
        counts = texts.filter(pa.array(np.isin(splits, names))).value_counts().to_pylist()
        sides.append({item["values"] for item in counts if item["counts"] >= FEWEST_ROWS})
    if len(sides[0] & sides[1]) and len(sides[1]) > 1:
        return []
    message = f"compare.leave_out: no value of '{column}' has {FEWEST_ROWS} rows on both sides of the split"
    return [Problem("unread_key", message, "remove it, or split otherwise", column)]
