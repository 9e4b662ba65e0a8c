"""Columns that tell the label all alone: nearly always the label in another dress."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from solutionkit.errors import Problem
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import kind_of

# No column that is known beforehand orders rows this well.
SUSPICIOUS_ROC_AUC = 0.999
# Of each class.
MOST_ROWS = 100_000


def leakage_problems(
    table: pa.Table, marked: np.ndarray, spec: TableSpec, trusted: list[str]
) -> list[Problem]:
    """Columns that order the rows by their label all alone.

    Args:
        table: Typed columns of the training rows.
        marked: `(rows,)` truth values that no column may tell (`Task.marked`).
        spec: What the columns are.
        trusted: Columns that the declaration names as features.
    """
    random = np.random.default_rng(0)
    sides = np.flatnonzero(marked), np.flatnonzero(~marked)
    drawn = random.permutation(np.concatenate([random.permutation(rows)[:MOST_ROWS] for rows in sides]))
    side = marked[drawn]
    if side.all() or not side.any():
        return []
    problems = []
    for feature in spec.ordered:
        if feature.name in trusted or kind_of(feature).nested:
            continue
        area = kind_of(feature).tells(table[feature.name].take(pa.array(drawn)), side)
        if area >= SUSPICIOUS_ROC_AUC:
            message = (
                f"the column '{feature.name}' tells '{spec.label}' all alone ({area:.2%} of pairs of"
                " rows are in order): was it written down afterwards? List it under columns.ignore; if it is"
                f" known beforehand, under columns.{feature.kind}"
            )
            problems.append(Problem("leakage", message, column=feature.name))
    return problems
