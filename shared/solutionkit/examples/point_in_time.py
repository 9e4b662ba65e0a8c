"""Whether computed columns see the future: computed again without it, they must stay what they were."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.declaration import Declaration, span
from solutionkit.examples.conform import place
from solutionkit.examples.history import Features, to_events
from solutionkit.examples.rolling import POSITIVE, TIME

# So many rows in a row are looked at, so that the check costs seconds on any table.
ROWS = 60_000
CUTS = 3
JUDGED_ROWS = 500
TOLERANCE = 1e-4


def future_problems(raw: pa.Table, declaration: Declaration, features: Features, source: str) -> list[str]:
    """Computed columns that change when later rows, and labels not yet known, are taken away.

    Of a stretch of the table the columns are computed whole, and then again as they would have been at some
    moments within: with the rows up to the moment, and of these the labels known by then. Rows of the moment
    itself are what a server would be asked about; theirs must not differ.

    Args:
        raw: Raw rows.
        declaration: What the columns are.
        features: The function that computes the columns.
        source: The data's name.

    Returns:
        One sentence a column that differs.
    """
    assert declaration.history is not None
    history, delay = declaration.history, span(declaration.data.label_delay)
    events = to_events(raw, declaration, source)
    order = np.argsort(events[TIME].cast(pa.int64()).to_numpy(), kind="stable")[-ROWS:]
    events = events.take(pa.array(order))
    stamps = events[TIME].cast(pa.int64()).to_numpy()
    whole = features(events, history, delay)
    problems: dict[str, str] = {}
    for cut in range(1, CUTS + 1):
        moment = stamps[round(cut * (len(stamps) - 1) / (CUTS + 1))]
        there = stamps <= moment
        known = pa.array(stamps + round(delay.total_seconds() * 1e6) <= moment)
        labels = pc.if_else(known, events[POSITIVE], pa.scalar(None, pa.float64()))
        hidden = events.set_column(events.column_names.index(POSITIVE), POSITIVE, labels)
        then = hidden.filter(pa.array(there))
        # Earlier rows lack labels here that were known to them, which for the latest ones changes nothing.
        judged = np.flatnonzero(there)[-JUDGED_ROWS:]
        again = features(then, history, delay)
        for name in whole.column_names:
            first = numbers(whole[name].take(pa.array(judged)))
            second = numbers(again[name].take(pa.array(judged)))
            same = np.isclose(first, second, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
            differing = np.flatnonzero(~same.all(axis=1))
            if len(differing) and name not in problems:
                row = differing[0]
                problems[name] = (
                    f"the computed column '{name}' sees the future: in {place(int(order[judged[row]]))} it is"
                    f" {_shown(first[row])}, but {_shown(second[row])} without later rows and labels not"
                    " known by then; compute it from earlier rows, and labels older than data.label_delay"
                )
    return list(problems.values())


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """`(rows, values)` float64 of a column of numbers or of lists; NaN for null."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    rows = len(array)
    while pa.types.is_fixed_size_list(array.type):
        array = array.flatten()
    values: np.ndarray = array.cast(pa.float64()).to_numpy(zero_copy_only=False).reshape(rows, -1)
    return values


def _shown(values: np.ndarray) -> str:
    return f"{values[0]:g}" if len(values) == 1 else f"a list that begins {values[0]:g}"
