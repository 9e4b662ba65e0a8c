"""Whether computed columns see the future: computed again without it, they must stay what they were."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import place, take_rows
from solutionkit.declaration import Declaration
from solutionkit.declaration_parts import span
from solutionkit.errors import Problem
from solutionkit.modalities.events.history import HistoryFunction
from solutionkit.modalities.events.rolling import POSITIVE, TIME

# So many rows in a row are looked at, so that the check costs seconds on any table.
ROWS = 60_000
CUTS = 3
TOLERANCE = 1e-4


def future_problems(events: pa.Table, declaration: Declaration, features: HistoryFunction) -> list[Problem]:
    """Computed columns that change when later rows, and labels not yet known, are taken away.

    Of a stretch of the table the columns are computed whole, and then again as they would have been when some
    rows within came: with the rows before and that one alone, and of these the labels known by then, which
    its own never is. Such a row is what a server would be asked about. Positive rows are taken where there
    are some, for there a label shows, and rows that came at the same time as others, for there an order
    shows.

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
    for asked in _asked(events, stamps):
        moment = stamps[asked]
        there = stamps < moment
        there[asked] = True
        known = pa.array((stamps + round(delay.total_seconds() * 1e6) <= moment) & (stamps < moment))
        hidden = events
        for name in {POSITIVE, declaration.columns.label} & set(events.column_names):
            labels = pc.if_else(known, events[name], pa.scalar(None, events[name].type))
            hidden = hidden.set_column(hidden.column_names.index(name), name, labels)
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


def _asked(events: pa.Table, stamps: np.ndarray) -> list[int]:
    """Rows to ask about, spread over the table.

    Args:
        events: The rows, in the order of time.
        stamps: `(rows,)` their times.
    """
    positive = pc.fill_null(pc.equal(events[POSITIVE], 1.0), False).to_numpy(zero_copy_only=False)
    together = np.isin(stamps, stamps[1:][np.diff(stamps) == 0])
    chosen: set[int] = set()
    for wanted in (positive, together, np.ones(len(stamps), bool)):
        places = np.flatnonzero(wanted)
        if len(places):
            chosen |= {int(places[round(cut * (len(places) - 1) / (CUTS + 1))]) for cut in range(1, CUTS + 1)}
    return sorted(chosen)


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
