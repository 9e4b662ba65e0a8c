"""A raw table -> typed columns that fit a `TableSpec`, or the list of cells that do not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.errors import suggestion
from solutionkit.examples.columns import (
    MISSING_NUMBERS,
    TableSpec,
    as_text,
    is_number,
    nested_columns,
    sequence_values,
)

LARGEST_NUMBER = 3.4e38
SHOWN = 3


def conform(table: pa.Table, spec: TableSpec, labelled: bool = True) -> tuple[pa.Table, list[str]]:
    """Cast a table's columns to what its specification says.

    Args:
        table: Raw columns as `read_table` gives them.
        spec: What the columns are.
        labelled: Whether the label column is wanted; data to predict on has none.

    Returns:
        `(typed, problems)`: numeric columns as float64 (missing is null), categorical and carried
        columns and the paths of images as text, the label as int64 class ids. With problems, `typed` may
        lack columns.
    """
    names = set(table.column_names)
    columns: dict[str, pa.ChunkedArray] = {}
    wanted = [feature.name for feature in spec.features] + ([spec.label] if labelled else [])
    carried = [name for name in spec.passengers if name in names or labelled]
    sequence = {spec.sequence.name} if spec.sequence else set()
    problems = nested_columns(table, [name for name in [*wanted, *carried] if name not in sequence])
    if problems:
        return pa.table(columns), problems
    for name in [*wanted, *carried]:
        if name not in names:
            problems.append(f"the column '{name}' is missing{suggestion(name, names - set(wanted))}")
    for feature in spec.features:
        if feature.name not in names:
            continue
        if feature.kind == "numeric":
            columns[feature.name], found = to_numbers(table[feature.name], feature.name)
            problems += found
        elif feature.kind == "sequence":
            columns[feature.name] = table[feature.name]
        else:
            columns[feature.name] = as_text(table[feature.name])
    for name in carried:
        if name in names:
            columns[name] = as_text(table[name])
    if labelled and spec.label in names:
        columns[spec.label], found = to_class_ids(table[spec.label], spec.label, spec.classes)
        problems += found
    return pa.table(columns), problems


def to_numbers(values: pa.ChunkedArray, name: str) -> tuple[pa.ChunkedArray, list[str]]:
    """A column as float64; texts that are no numbers become null and one problem."""
    if not pa.types.is_string(values.type):
        try:
            return _finite(values.cast(pa.float64()), name)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return pa.nulls(len(values), pa.float64()), [
                f"the column '{name}' holds {values.type}, not numbers"
            ]
    # No null scalar here: Arrow 18 reads past the ends of sliced texts then.
    nothing = pa.chunked_array([pa.nulls(len(values), pa.string())])
    values = pc.if_else(pc.is_in(values, pa.array(MISSING_NUMBERS)), nothing, values)
    try:
        return _finite(values.cast(pa.float64()), name)
    except pa.ArrowInvalid:
        pass
    wrong = pc.and_(pc.is_valid(values), pc.invert(is_number(values)))
    rows = pc.indices_nonzero(pc.fill_null(wrong, False)).to_pylist()
    examples = ", ".join(f"{place(row)}: '{values[row].as_py()}'" for row in rows[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    numbers = pc.if_else(wrong, nothing, values).cast(pa.float64())
    return numbers, [
        f"the numeric column '{name}' holds text ({examples}{more}); mend the cells, or list the column"
        " under columns.categorical or columns.ignore"
    ]


def to_class_ids(
    values: pa.ChunkedArray, label: str, classes: tuple[str, ...]
) -> tuple[pa.ChunkedArray, list[str]]:
    """Label values as their class's position; unknown and missing labels are problems."""
    texts = as_text(values)
    ids = pc.index_in(texts, pa.array(classes, pa.string())).cast(pa.int64())
    problems = []
    missing = pc.indices_nonzero(pc.is_null(texts)).to_pylist()
    if missing:
        rows = ", ".join(place(row) for row in missing[:SHOWN])
        problems.append(f"the label '{label}' is missing in {len(missing)} rows ({rows}…)")
    unknown = pc.unique(texts.filter(pc.and_(pc.is_null(ids), pc.is_valid(texts)))).to_pylist()
    if unknown:
        shown = ", ".join(repr(value) for value in unknown[:SHOWN])
        problems.append(
            f"the label '{label}' has unknown values ({shown}); known are {', '.join(map(repr, classes))}"
        )
    return ids, problems


def _finite(numbers: pa.ChunkedArray, name: str) -> tuple[pa.ChunkedArray, list[str]]:
    """NaN becomes null; numbers that single precision, which models read, cannot hold are a problem."""
    numbers = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    huge = pc.greater(pc.abs(numbers), LARGEST_NUMBER)
    rows = pc.indices_nonzero(pc.fill_null(huge, False)).to_pylist()
    if not rows:
        return numbers, []
    examples = ", ".join(f"{place(row)}: {numbers[row].as_py():g}" for row in rows[:SHOWN])
    numbers = pc.if_else(huge, pa.scalar(None, pa.float64()), numbers)
    return numbers, [f"the column '{name}' holds infinite or too large numbers ({examples}); mend the cells"]


def place(row: int) -> str:
    """Where a row stands: row 1 is the first after the header."""
    return f"row {row + 1}"


def table_inputs(table: pa.Table, spec: TableSpec) -> dict[str, np.ndarray]:
    """Typed columns, images as bytes, as the inputs of `serving_raw`: NaN and "" for missing."""
    inputs: dict[str, np.ndarray] = {}
    names = spec.input_names
    for feature in spec.features:
        column, name = table[feature.name], names[feature.name]
        if feature.kind == "numeric":
            inputs[name] = column.to_numpy(zero_copy_only=False).astype(np.float32)
        elif feature.kind == "sequence":
            inputs[name] = sequence_values(column)
        elif feature.kind == "image":
            inputs[name] = np.array(column.to_pylist(), dtype=object)
        else:
            inputs[name] = np.array(column.fill_null("").to_pylist(), dtype=object)
    return inputs
