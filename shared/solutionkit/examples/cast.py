"""A raw table -> typed columns that fit a `TableSpec`, or the cells that do not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from solutionkit.cells import as_text, nested_problems
from solutionkit.errors import Problem, suggestion
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature, kind_of


def cast(table: pa.Table, spec: TableSpec, labelled: bool = True) -> tuple[pa.Table, list[Problem]]:
    """Cast a table's columns to what its specification says.

    Args:
        table: Raw columns as `read_table` gives them.
        spec: What the columns are.
        labelled: Whether the label column is wanted; data to predict on has none.

    Returns:
        `(typed, problems)`: feature columns as their kinds have them (`Kind.cast`), metadata columns as text,
        the label as int64 class ids. With problems, `typed` may lack columns.
    """
    names = set(table.column_names)
    wanted = [feature.name for feature in spec.features] + ([spec.label] if labelled else [])
    metadata = [name for name in spec.metadata_columns if name in names or labelled]
    problems = nested_problems(
        table, [*([spec.label] if labelled and not spec.task.nested else []), *metadata]
    )
    if problems:
        return pa.table({}), problems
    for name in [*wanted, *metadata]:
        if name not in names:
            message = f"the column '{name}' is missing{suggestion(name, names - set(wanted))}"
            problems.append(Problem("missing_column", message, column=name))
    columns, unfit = cast_features(table, spec.features)
    problems += unfit
    for name in metadata:
        if name in names:
            columns[name] = as_text(table[name])
    if labelled and spec.label in names:
        columns[spec.label], unfit = spec.task.encode(table[spec.label])
        problems += unfit
    return pa.table(columns), problems


def cast_features(
    table: pa.Table, features: tuple[Feature, ...]
) -> tuple[dict[str, pa.ChunkedArray], list[Problem]]:
    """The features that a table has, cast, and the cells that do not fit."""
    columns: dict[str, pa.ChunkedArray] = {}
    problems = nested_problems(table, [item.name for item in features if not kind_of(item).nested])
    nested = {problem.column for problem in problems}
    for feature in features:
        if feature.name in table.column_names and feature.name not in nested:
            columns[feature.name], unfit = kind_of(feature).cast(table[feature.name], feature)
            problems += unfit
    return columns, problems


def table_inputs(table: pa.Table, spec: TableSpec) -> dict[str, np.ndarray]:
    """Typed columns, files as bytes, as the inputs of `serving_raw`: NaN and "" for missing."""
    names = spec.input_names
    return {names[feature.name]: kind_of(feature).array(table[feature.name]) for feature in spec.features}


def raw_values(table: pa.Table, spec: TableSpec) -> dict[str, np.ndarray]:
    """Typed columns as arrays by their own names: NaN and "" for missing."""
    return {feature.name: kind_of(feature).array(table[feature.name]) for feature in spec.ordered}
