"""A column of times: timestamps, texts in ISO 8601 or numbers of seconds -> microseconds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import SHOWN, is_number, place
from solutionkit.errors import DataError, Problem

MICROSECONDS = 1_000_000
DAY = 86_400 * MICROSECONDS
# Seconds; milliseconds since 1970 are larger.
LATEST = 253_402_300_800


def microseconds(table: pa.Table, name: str, source: str) -> np.ndarray:
    """`(rows,)` int64 microseconds, since 1970 where the column holds dates.

    Args:
        table: Raw rows.
        name: The time column.
        source: The data's name for error messages.

    Raises:
        DataError: The column is missing, has empty cells, or cells that are no times.
    """
    if name not in table.column_names:
        message = f"the time column '{name}' is missing"
        raise DataError(source, [Problem("missing_column", message, "see columns.time", name)])
    values = table[name]
    if values.null_count:
        rows = pc.indices_nonzero(pc.is_null(values)).to_pylist()
        shown = ", ".join(place(row) for row in rows[:SHOWN]) + (" …" if len(rows) > SHOWN else "")
        message = f"the time column '{name}' is empty in {values.null_count} rows ({shown})"
        raise DataError(source, [Problem("empty_cells", message, column=name, rows=tuple(rows[:SHOWN]))])
    try:
        return _converted(values.combine_chunks())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        reason = str(error).splitlines()[0]
        message = f"the time column '{name}': {reason}"
        remedy = "write 2026-01-31 23:59:00, or numbers of seconds"
        raise DataError(source, [Problem("not_times", message, remedy, name)]) from None


def _converted(values: pa.Array) -> np.ndarray:
    if pa.types.is_string(values.type):
        if pc.all(is_number(values), min_count=0).as_py():
            values = values.cast(pa.float64())
        else:
            # Nanoseconds, as pandas writes them, become microseconds.
            values = pc.replace_substring_regex(values, r"(\.[0-9]{6})[0-9]+", r"\1")
            zoned = pc.any(pc.match_substring_regex(values, r"(Z|[+-][0-9]{2}:?[0-9]{2})$"), min_count=0)
            values = values.cast(pa.timestamp("us", "UTC" if zoned.as_py() else None))
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        kind = pa.timestamp("us", getattr(values.type, "tz", None))
        stamps: np.ndarray = values.cast(kind, safe=False).cast(pa.int64()).to_numpy()
        return stamps
    if pa.types.is_boolean(values.type):
        raise pa.ArrowInvalid("it holds truth values")
    seconds = values.cast(pa.float64()).to_numpy()
    if not np.isfinite(seconds).all():
        raise pa.ArrowInvalid("it holds numbers that are not finite")
    if len(seconds) and np.abs(seconds).max() > LATEST:
        raise pa.ArrowInvalid(
            f"{seconds[np.abs(seconds).argmax()]:.0f} seconds are beyond the year 9999; divide milliseconds"
            " by 1,000 and microseconds by 1,000,000"
        )
    rounded: np.ndarray = np.round(seconds * MICROSECONDS).astype(np.int64)
    return rounded
