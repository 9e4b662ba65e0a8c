"""When rows of series are: read, on which grid they lie, and what becomes of two at the same time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import SHOWN
from solutionkit.errors import DataError, Problem
from solutionkit.examples.times import DAY, MICROSECONDS, microseconds
from solutionkit.modalities.series import frequency as frequencies
from solutionkit.modalities.series.frequency import LARGEST_STEP, Frequency
from solutionkit.modalities.series.layout import Layout, listed


def read_times(table: pa.Table, name: str, source: str) -> tuple[np.ndarray, bool]:
    """`(rows,)` int64 microseconds, or numbers of steps, and whether these are numbers of steps.

    Raises:
        DataError: They cannot be read.
    """
    table = on_the_clock(table, name)
    times = microseconds(table, name, source)
    column = table[name]
    numbers = not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type))
    steps = numbers and len(times) > 0 and int(np.abs(times).max()) < LARGEST_STEP * MICROSECONDS
    if steps and pa.types.is_string(column.type):
        steps = bool(pc.all(pc.match_substring_regex(column, r"^[+-]?[0-9.]+$")).as_py())
    if not steps:
        return times, False
    found, rest = np.divmod(times, MICROSECONDS)
    if rest.any():
        rows = np.flatnonzero(rest)
        message = f"the time column '{name}' holds numbers that are not whole ({listed(rows)})"
        raise DataError(source, [Problem("irregular_times", message, "number the steps", name)])
    if written_together(found):
        message = f"the time column '{name}' holds dates written as one number, e.g. {found[0]}"
        raise DataError(source, [Problem("dates_as_numbers", message, "write 2026-01-31", name)])
    return found, True


def on_the_clock(table: pa.Table, name: str) -> pa.Table:
    """The rows with times as local clocks show them: days and weeks are those of a place.

    Args:
        table: Raw rows.
        name: The time column.
    """
    if name not in table.column_names:
        return table
    column = table[name]
    if pa.types.is_timestamp(column.type) and column.type.tz:
        column = pc.local_timestamp(column)
    elif pa.types.is_string(column.type):
        column = pc.replace_substring_regex(column, r"(:\d{2}(?:\.\d+)?)(?:Z|[+-]\d{2}:?\d{2})$", r"\1")
    return table.set_column(table.column_names.index(name), name, column)


def written_together(numbers: np.ndarray) -> bool:
    """Whether `(rows,)` numbers are dates such as 20260131 or 202601 rather than numbers of steps."""
    days, months = numbers % 100, numbers // 100 % 100
    dates = (numbers >= 19000101) & (numbers <= 21001231) & (days >= 1) & (days <= 31)
    if (dates & (months >= 1) & (months <= 12)).all():
        return True
    within = (numbers >= 190001) & (numbers <= 210012) & (days >= 1) & (days <= 12)
    return bool(within.all()) and len(np.unique(numbers // 100)) > 1


def merged(
    codes: np.ndarray,
    times: np.ndarray,
    values: np.ndarray,
    same: np.ndarray,
    layout: Layout,
    order: np.ndarray,
) -> tuple[np.ndarray, Problem | None, str]:
    """`(distinct,)` values of rows of the same series and time made one; why not; and a note.

    Args:
        codes: `(rows,)` of series, sorted.
        times: `(rows,)`, sorted within.
        values: `(rows,)`.
        same: `(rows - 1,)` which rows go on at the time before.
        layout: Says how.
        order: `(rows,)` where each stood in the data.
    """
    count = int(same.sum())
    place_of = np.cumsum(np.concatenate([[0], ~same]))
    sums = np.bincount(place_of, weights=np.nan_to_num(values))
    there = np.bincount(place_of, weights=~np.isnan(values))
    total = np.where(there > 0, sums, np.nan)
    mean = np.divide(total, there, out=np.full_like(total, np.nan), where=there > 0)
    if layout.duplicates != "refuse":
        how = {"sum": total, "mean": mean}[layout.duplicates]
        word = {"sum": "added up", "mean": "averaged"}[layout.duplicates]
        return how, None, f"{count:,} rows of a series and time that was there already are {word}"
    autumn = clock_went_back(times[1:][same])
    if autumn.all():
        note = f"{count:,} hours stand twice because the clock went back; they are averaged"
        return mean, None, note
    rows = np.sort(order[1:][same])
    message = f"{count:,} rows have the series and time of another row ({listed(rows)})"
    remedy = 'is columns.series complete? else remove them, or say forecast.duplicates = "sum" or "mean"'
    return mean, Problem("duplicates", message, remedy, layout.time, tuple(rows[:SHOWN].tolist())), ""


def clock_went_back(times: np.ndarray) -> np.ndarray:
    """`(rows,)` which times are an hour that clocks show twice: early on an autumn's Sunday."""
    months, _, within = frequencies.calendar_months(times)
    sunday = (np.floor_divide(times, DAY) + 3) % 7 == 6
    # Midnight is a day's stamp, and no clock goes back to it.
    early = (within >= frequencies.HOUR) & (within < 4 * frequencies.HOUR)
    hourly: np.ndarray = sunday & early & np.isin(months % 12, [2, 3, 8, 9, 10])
    return hourly & (times > LARGEST_STEP)


def the_grid(
    wished: Frequency | str | None,
    codes: np.ndarray,
    times: np.ndarray,
    steps: bool,
    layout: Layout,
    problems: list[Problem],
) -> Frequency | None:
    """The grid on which times lie; a problem where there is none.

    Args:
        wished: The grid or frequency, where it is known.
        codes: `(rows,)` of series, sorted.
        times: `(rows,)`, sorted within.
        steps: Whether these are numbers of steps.
        layout: Names the time column.
        problems: Takes problems on.
    """
    if isinstance(wished, Frequency):
        if (wished.kind == "step") == steps:
            return wished
        message = f"'{layout.time}' holds {'numbers' if steps else 'times'} and the model knows the other"
        problems.append(Problem("other_times", message, column=layout.time))
        return None
    if wished:
        read = frequencies.declared(wished)
        if read is None or (read.kind == "step") != steps:
            known = "a number and one of " + ("step" if steps else "s, min, h, D, W, M, Q, Y")
            message = f"forecast.frequency is '{wished}'; '{layout.time}' needs {known}, e.g. "
            problems.append(
                Problem("bad_frequency", message + ("1step" if steps else "1D"), column=layout.time)
            )
            return None
        return frequencies.laid(read, times)
    gaps = np.diff(times)[np.diff(codes) == 0]
    guessed = frequencies.found(times, gaps, steps)
    if guessed is None:
        message = f"the times in '{layout.time}' are too irregular to tell how far apart steps are"
        remedy = "name forecast.frequency, e.g. 1D, and one row a step"
        problems.append(Problem("no_frequency", message, remedy, layout.time))
        return None
    return frequencies.laid(guessed, times)
