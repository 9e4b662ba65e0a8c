"""Wide files of series, a column a series or a column a time, as rows of series and times."""

from __future__ import annotations

import re

import polars as pl
import pyarrow as pa

from solutionkit.errors import DataError, Problem, suggestion
from solutionkit.kinds.numeric import to_numbers
from solutionkit.modalities.series.layout import Layout

SERIES_BESIDE, TIMES_BESIDE = "series", "times"
LARGEST = 50_000_000
# A header such as d_12 or t12 numbers a step.
NUMBERED = re.compile(r"([A-Za-z_ -]*)(\d+)")


def turned(table: pa.Table, layout: Layout, source: str) -> pa.Table:
    """Rows of one series and time each.

    Empty cells have no row, unless a series has nothing else.

    Args:
        table: A wide table.
        layout: What stands side by side, and what columns are to be called.
        source: What to call the table in errors.

    Raises:
        DataError: Columns are missing, cells are no numbers, or there are too many of them.
    """
    if not layout.wide:
        return table
    beside_series = layout.wide == SERIES_BESIDE
    index = [layout.time] if beside_series else list(dict.fromkeys((*layout.series, *layout.static)))
    key = layout.series[0] if beside_series else layout.time
    problems = [
        Problem("missing_column", f"the column '{name}' is missing{suggestion(name, table.column_names)}")
        for name in index
        if name not in table.column_names
    ]
    if layout.value in table.column_names:
        message = f"forecast.wide = \"{layout.wide}\", but the data has the column '{layout.value}' already"
        problems.append(Problem("not_wide", message, "remove forecast.wide", layout.value))
    names = [name for name in table.column_names if name not in (*index, *layout.ignored)]
    if table.num_rows * len(names) > LARGEST:
        message = f"{table.num_rows:,} rows of {len(names):,} columns are more than {LARGEST:,} cells"
        problems.append(Problem("too_many_rows", message, "give fewer series at a time"))
    if not names:
        message = f"no column is left that could be one of the {layout.wide}"
        problems.append(Problem("not_wide", message, "remove forecast.wide"))
    if problems:
        raise DataError(source, problems)
    columns = {name: table[name] for name in index}
    for name, called in zip(names, headers(names) if not beside_series else names, strict=True):
        values, unfit = to_numbers(table[name], name)
        problems += unfit
        if not unfit:
            columns[called] = values
    if problems:
        raise DataError(source, problems)
    value = pl.col(layout.value)
    wide = pl.DataFrame(pa.table(columns))
    long = wide.unpivot(index=index, variable_name=key, value_name=layout.value)
    named = [pl.col(name) for name in layout.series]
    long = long.filter(value.is_not_null() | value.is_null().all().over(named))
    found: pa.Table = long.to_arrow()
    return found.cast(pa.schema([_plain(field) for field in found.schema]))


def headers(names: list[str]) -> list[str]:
    """Names of columns as times: the number alone, where each is a word with a number behind it.

    Example:
        >>> headers(["d_1", "d_2"]), headers(["2026-01", "2026-02"])
        (['1', '2'], ['2026-01', '2026-02'])
    """
    matches = [NUMBERED.fullmatch(name) for name in names]
    words = {match[1] for match in matches if match}
    if all(matches) and len(words) == 1:
        return [match[2] for match in matches if match]
    return names


def _plain(field: pa.Field) -> pa.Field:
    """Text as other files have it."""
    large = pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type)
    return field.with_type(pa.string()) if large else field
