"""Whether computed columns see the future: computed again without it, they must stay what they were."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import place, take_rows
from solutionkit.declaration import Declaration, span
from solutionkit.errors import Problem
from solutionkit.modalities.events.history import HistoryFunction
from solutionkit.modalities.events.rolling import POSITIVE, TIME

# So many rows in a row are looked at, so that the check costs seconds on any table.
ROWS = 60_000
CUTS = 3
TOLERANCE = 1e-4


def future_problems(events: pa.Table, declaration: Declaration, features: HistoryFunction) -> list[Problem]:
    """Computed columns that change when later rows, and labels not yet known, are taken away.

    Of a stretch of the table the columns are computed whole, and then again as they would have been at some
    moments within: with the rows up to the moment, and of these the labels known by then. Rows of the moment
    itself are what a server would be asked about; theirs must not differ.

    Args:
        events: The rows as events.
        declaration: What the columns are.
        features: The function that computes the columns.

    Returns:
        One a column that differs.
    """
    assert declaration.history is not None
    history, delay = declaration.history, span(declaration.data.label_delay)
    order = np.argsort(events[TIME].cast(pa.int64()).to_numpy(), kind="stable")[-ROWS:]
    events = events.take(pa.array(order))
    stamps = events[TIME].cast(pa.int64()).to_numpy()
    whole = features(events, history, delay)
    problems: dict[str, Problem] = {}
    for cut in range(1, CUTS + 1):
        moment = stamps[round(cut * (len(stamps) - 1) / (CUTS + 1))]
        there = stamps <= moment
        known = pa.array(stamps + round(delay.total_seconds() * 1e6) <= moment)
        labels = pc.if_else(known, events[POSITIVE], pa.scalar(None, pa.float64()))
        hidden = events.set_column(events.column_names.index(POSITIVE), POSITIVE, labels)
        then = hidden.filter(pa.array(there))
        judged = np.flatnonzero(there)
        before, again = take_rows(whole, judged), features(then, history, delay)
        for name in whole.column_names:
            first, second = before[name], again[name]
            differing = np.flatnonzero(different(first, second))
            if len(differing) and name not in problems:
                row = int(differing[0])
                where = place(int(order[judged[row]]))
                problems[name] = Problem(
                    "sees_the_future",
                    f"the computed column '{name}' sees the future: in {where} it is {_shown(first[row])},"
                    f" but {_shown(second[row])} without later rows and labels not known by then",
                    "compute it from earlier rows, and labels older than data.label_delay",
                    name,
                    (int(order[judged[row]]),),
                )
    return list(problems.values())


def different(first: pa.ChunkedArray, second: pa.ChunkedArray) -> np.ndarray:
    """`(rows,)` whether two columns of numbers, of lists of numbers or of anything else differ."""
    if not is_numeric(first.type):
        return np.array(
            [ours != theirs for ours, theirs in zip(first.to_pylist(), second.to_pylist(), strict=True)]
        )
    same = np.isclose(numbers(first), numbers(second), rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    differs: np.ndarray = ~same.all(axis=1)
    return differs


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column's cells are numbers, or lists of a fixed size of such."""
    while pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """`(rows, values)` float64 of a column of numbers or of lists; NaN for null."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    rows = len(array)
    while pa.types.is_fixed_size_list(array.type):
        array = array.flatten()
    values: np.ndarray = array.cast(pa.float64()).to_numpy(zero_copy_only=False).reshape(rows, -1)
    return values


def _shown(value: pa.Scalar) -> str:
    cell = value.as_py()
    return f"{cell:g}" if isinstance(cell, float) else "missing" if cell is None else str(cell)[:40]
