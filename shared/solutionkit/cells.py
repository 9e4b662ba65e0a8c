"""Cells of Arrow columns: as text, as numbers, as sequences, and how to speak of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.errors import Problem

LARGEST_WHOLE = 2.0**53
LONGEST_SHOWN = 60
# Of rows or values that a message lists.
SHOWN = 3


def place(row: int) -> str:
    """Where a row stands: row 1 is the first after the header."""
    return f"row {row + 1}"


def as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as text; whole numbers stored as floats lose their `.0`."""
    if pa.types.is_floating(values.type):
        whole = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), LARGEST_WHOLE))
        if pc.all(whole, min_count=0).as_py():
            values = values.cast(pa.int64())
    return values.cast(pa.string())


def is_number(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """For each text whether it is a decimal number."""
    return pc.match_substring_regex(texts, r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")


def is_iso_date(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """For each text whether it is a date in ISO 8601, with a time of day or without."""
    time = r"[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?"
    return pc.match_substring_regex(texts, rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({time})?$")


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column's cells are numbers, texts, truth values or times."""
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def sequence_shape(kind: pa.DataType) -> tuple[int, int] | None:
    """Steps and channels of a column whose cells are sequences, i.e. lists of lists of a fixed size."""
    if not (pa.types.is_fixed_size_list(kind) and pa.types.is_fixed_size_list(kind.value_type)):
        return None
    return kind.list_size, kind.value_type.list_size


def sequence_values(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """`(rows, steps, channels)` float32 of a column of sequences."""
    shape = sequence_shape(column.type)
    assert shape is not None
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    flat = array.flatten().flatten()
    values: np.ndarray = flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, *shape)
    return values


def sequence_array(values: np.ndarray) -> pa.Array:
    """A column of sequences, of `(rows, steps, channels)` numbers."""
    flat = pa.array(np.ascontiguousarray(values, np.float32).reshape(-1))
    steps = pa.FixedSizeListArray.from_arrays(flat, values.shape[2])
    return pa.FixedSizeListArray.from_arrays(steps, values.shape[1])


def take_rows(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """The given rows, by position or by a mask.

    Arrow 18 reads the wrong memory where it takes or filters sequences that are a slice, or that stand beside
    columns cut into other chunks; so these are taken by NumPy.
    """
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    columns = {
        name: sequence_array(sequence_values(table[name])[rows])
        if sequence_shape(table[name].type) is not None
        else table[name].take(pa.array(rows))
        for name in table.column_names
    }
    return pa.table(columns)


def shortened(text: str) -> str:
    """A text of at most `LONGEST_SHOWN` characters."""
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def nested_problems(table: pa.Table, names: Iterable[str]) -> list[Problem]:
    """Columns of some names whose cells are lists, structs or the like."""
    return [
        Problem(
            "nested_cells",
            f"the column '{name}' holds {shortened(str(table[name].type))}, but a cell must be one value",
            "write what it holds into columns of their own",
            name,
        )
        for name in dict.fromkeys(names)
        if name in table.column_names
        and (pa.types.is_nested(table[name].type) or pa.types.is_interval(table[name].type))
    ]
