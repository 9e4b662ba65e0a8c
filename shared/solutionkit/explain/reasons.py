"""Reason codes: what speaks for an alert, in words, from contributions added up by subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from solutionkit.cells import take_rows
from solutionkit.examples.cast import raw_values
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.encoding import unlabelled_examples
from solutionkit.kinds import Feature, kind_of

if TYPE_CHECKING:
    from solutionkit.explain.loading import ModelExplainer
    from solutionkit.modalities.rows import ScoringRows

MOST = 3
# A reason carries at least this share of all that speaks for the alert.
LEAST_SHARE = 0.05
# Of its subject's strongest column, what a computed one must have to be told in its place.
LEAST_OF_STRONGEST = 0.25


def subject_names(spec: TableSpec) -> list[str]:
    """The subjects in the order of their first feature; a feature without one is its own."""
    return list(dict.fromkeys(feature.subject or feature.name for feature in spec.ordered))


def by_subject(values: np.ndarray, spec: TableSpec) -> np.ndarray:
    """`(rows, subjects)` sums of `(rows, columns)` contributions."""
    names = subject_names(spec)
    member = np.zeros((len(spec.ordered), len(names)))
    for column, feature in enumerate(spec.ordered):
        member[column, names.index(feature.subject or feature.name)] = 1.0
    summed: np.ndarray = values @ member
    return summed


def reasons(effects: np.ndarray, cells: dict[str, Any], spec: TableSpec, most: int = MOST) -> list[str]:
    """What speaks most for one row's alert, strongest first.

    A subject is told by that of its features which speaks most for the alert, a computed one rather than a
    bare value.

    Args:
        effects: `(columns,)` contributions of one row.
        cells: The row's raw values by column; of a sequence how many of its steps are there.
        spec: What the columns are.
        most: How many reasons.
    """
    names = subject_names(spec)
    sums = by_subject(effects[None], spec)[0]
    speaking = sums[sums > 0].sum()
    told = []
    for position in np.argsort(-sums, kind="stable")[:most]:
        if sums[position] <= 0 or sums[position] < LEAST_SHARE * speaking:
            break
        members = [i for i, f in enumerate(spec.ordered) if (f.subject or f.name) == names[position]]
        feature = spec.ordered[max(members, key=lambda column: _telling(column, effects, members, spec))]
        told.append(in_words(feature, cells[feature.name]))
    return told


def _telling(column: int, effects: np.ndarray, members: list[int], spec: TableSpec) -> tuple[bool, float]:
    """How much a column of a subject tells: a comparison with the past, if it counts, before a bare value."""
    counts = effects[column] >= LEAST_OF_STRONGEST * max(effects[members])
    return bool(counts and spec.ordered[column].computed), float(effects[column])


def in_words(feature: Feature, value: Any) -> str:
    """A feature's value as a reason: by its own words, else `column is value`."""
    number = isinstance(value, float | int | np.floating | np.integer)
    if value is None or value == "" or (number and np.isnan(value)):
        return f"{feature.name} is missing"
    if not feature.reason:
        return f"{feature.name} is {value:g}" if number else f"{feature.name} is {value}"
    return feature.reason.format(value=value)


def flag_reasons(
    model: ModelExplainer, rows: ScoringRows, flagged: np.ndarray | None, most: int = MOST
) -> list[str]:
    """Why rows are flagged, one text a row; empty for others.

    Args:
        model: The exported model.
        rows: What was scored.
        flagged: `(rows,)` which are flagged.
        most: Reasons a row.
    """
    spec, told = rows.spec, [""] * rows.table.num_rows
    places = np.flatnonzero(np.zeros(len(told), bool) if flagged is None else flagged)
    if len(places):
        table = take_rows(rows.table, places)
        cells = raw_cells(raw_values(table, spec), spec)
        targets = np.zeros(len(places), np.int64)
        arrays = model.transform(unlabelled_examples(table, spec))
        attribution = model.explainer.explain(arrays, targets).by_column(spec)
        for place, row in enumerate(places):
            row_cells = {name: values[place] for name, values in cells.items()}
            told[row] = "; ".join(reasons(attribution.values[place], row_cells, spec, most))
    return told


def raw_cells(columns: dict[str, np.ndarray], spec: TableSpec) -> dict[str, np.ndarray]:
    """Columns as people read them."""
    kinds = {feature.name: kind_of(feature) for feature in spec.features}
    return {name: kinds[name].readable(values) for name, values in columns.items()}
