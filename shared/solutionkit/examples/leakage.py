"""Columns that tell the label all alone: nearly always the label in another dress."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.errors import Problem
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature, kind_of

# No column that is known beforehand orders rows this well.
SUSPICIOUS_ROC_AUC = 0.999
# And few order them so well, or so well and by a name of what comes to be known with the label.
REMARKABLE_ROC_AUC, HINTED_ROC_AUC = 0.9, 0.75
HINTS = {
    *("duration", "outcome", "result", "resolution", "resolved", "closed", "closing", "ended", "reason"),
    *("cancelled", "canceled", "terminated", "refund", "refunded", "chargeback", "recovered", "recovery"),
    *("settled", "settlement"),
}
# Gaps in rows of one label alone are no chance if they were so unlikely.
UNLIKELY, FEWEST_GAPS = 1e-9, 30
# Of fewer rows whole numbers may all differ by chance.
FEWEST_NUMBERED = 200
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
    return [
        Problem(
            "leakage",
            f"the column '{feature.name}' tells '{spec.label}' all alone ({area:.2%} of pairs of"
            " rows are in order): was it written down afterwards? List it under columns.ignore; if it is"
            f" known beforehand, under columns.{feature.kind}",
            column=feature.name,
        )
        for feature, area in column_areas(table, marked, spec, trusted)
        if area >= SUSPICIOUS_ROC_AUC
    ]


def leakage_notes(table: pa.Table, marked: np.ndarray, spec: TableSpec, trusted: list[str]) -> list[str]:
    """What may be a leak and may be not: columns that tell much alone, and numbers that name rows.

    Args:
        table: Typed columns of the training rows, in the order of the file.
        marked: `(rows,)` truth values that no column may tell.
        spec: What the columns are.
        trusted: Columns that the declaration names as features.
    """
    notes = []
    for feature, area in column_areas(table, marked, spec, trusted):
        hinted = HINTS & set(re.findall(r"[a-z]+", _apart(feature.name)))
        if (HINTED_ROC_AUC if hinted else REMARKABLE_ROC_AUC) <= area < SUSPICIOUS_ROC_AUC:
            afterwards = ", and its name speaks of what is known afterwards" if hinted else ""
            notes.append(
                f"the column '{feature.name}' alone puts {area:.1%} of pairs of rows in order{afterwards};"
                " see that it is known when the model is asked"
            )
    for feature in spec.ordered:
        if feature.name not in trusted and not kind_of(feature).nested:
            values = table[feature.name].to_numpy(zero_copy_only=False)
            if len(values) >= FEWEST_NUMBERED and kind_of(feature).names_rows(values):
                notes.append(
                    f"the column '{feature.name}' holds another whole number in every row: if it numbers"
                    " them, list it under columns.ignore, or as columns.id"
                )
    return notes


def _apart(name: str) -> str:
    """A column's name in small letters, its words apart."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def gap_notes(table: pa.Table, labels: np.ndarray, spec: TableSpec) -> list[str]:
    """A note where cells are missing in rows of one label alone, and not by chance.

    Args:
        table: Typed columns of the training rows.
        labels: `(rows,)` encoded labels.
        spec: What the columns are.
    """
    gaps = {}
    for feature in spec.ordered:
        missing: np.ndarray = pc.is_null(table[feature.name]).to_numpy(zero_copy_only=False)
        there = labels[missing]
        if len(there) >= FEWEST_GAPS and (there == there[0]).all():
            share = float((labels == there[0]).mean())
            if share ** len(there) < UNLIKELY:
                gaps[feature.name] = len(there)
    if not gaps:
        return []
    names = ", ".join(f"'{name}'" for name in gaps)
    return [
        f"cells of {names} are missing in up to {max(gaps.values()):,} rows, all of the same label: see that"
        " they are filled before the label is known"
    ]


def column_areas(
    table: pa.Table, marked: np.ndarray, spec: TableSpec, trusted: list[str]
) -> Iterator[tuple[Feature, float]]:
    """How well each column orders the rows by their label, as ROC-AUC.

    Args:
        table: Typed columns of the training rows.
        marked: `(rows,)` truth values.
        spec: What the columns are.
        trusted: Columns that are left out.
    """
    random = np.random.default_rng(0)
    sides = np.flatnonzero(marked), np.flatnonzero(~marked)
    drawn = random.permutation(np.concatenate([random.permutation(rows)[:MOST_ROWS] for rows in sides]))
    side = marked[drawn]
    if side.all() or not side.any():
        return
    for feature in spec.ordered:
        if feature.name not in trusted and not kind_of(feature).nested:
            yield feature, kind_of(feature).tells(table[feature.name].take(pa.array(drawn)), side)
