"""What goes along with the values of series: columns that change with time, and columns that do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import as_text, place
from solutionkit.errors import Problem
from solutionkit.kinds import KINDS, NUMERIC
from solutionkit.kinds.numeric import to_numbers
from solutionkit.modalities.series.layout import Layout

# Values of a covariate that get a channel of their own; rarer ones share none.
MOST_VALUES = 20


@dataclass(frozen=True)
class Rows:
    """Rows sorted by series and time, at most one a step.

    Attributes:
        table: All columns.
        codes: `(rows,)` of the series.
        index: `(rows,)` numbers of steps.
        values: `(rows,)` what is forecast.
        order: `(rows,)` where each stood in the data.
    """

    table: pa.Table
    codes: np.ndarray
    index: np.ndarray
    values: np.ndarray
    order: np.ndarray


def covariates(
    table: pa.Table, columns: tuple[str, ...], wanted: tuple[str, ...] | None, problems: list[Problem]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """`(rows, channels)` float32 of some columns, NaN where empty, and the channels' names.

    A column of numbers is one channel; of others each frequent value is one, of 0 and 1.

    Args:
        table: The rows.
        columns: Which columns.
        wanted: The channels, where a model has them already.
        problems: Takes problems on.
    """
    parts: list[np.ndarray] = []
    found: list[str] = []
    for name in columns:
        if wanted is None and not KINDS[NUMERIC].claims(table[name]):
            texts = words(table[name])
            counted = texts.drop_null().value_counts()
            frequent = sorted(counted.to_pylist(), key=lambda item: (-item["counts"], item["values"]))
            of_column = [f"{name} = {item['values']}" for item in frequent[:MOST_VALUES]]
        else:
            of_column = [item for item in wanted or (name,) if item == name or item.startswith(f"{name} = ")]
        if of_column == [name]:
            values, unfit = to_numbers(table[name], name)
            problems += unfit
            if not unfit:
                parts.append(values.to_numpy(zero_copy_only=False).astype(np.float32))
            found.append(name)
            continue
        texts = words(table[name])
        for channel in of_column:
            is_it = pc.equal(texts, channel.removeprefix(f"{name} = "))
            parts.append(is_it.to_numpy(zero_copy_only=False).astype(np.float32))
            found.append(channel)
    rows = np.stack(parts, axis=1) if parts else np.zeros((table.num_rows, 0), np.float32)
    return rows, tuple(found)


def words(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells as text; truth values are spelled alike whatever file they come from."""
    texts = as_text(values)
    small = pc.utf8_lower(texts)
    return pc.if_else(pc.is_in(small, pa.array(["true", "false"])), small, texts)


def carried_on(cells: np.ndarray, offsets: np.ndarray) -> None:
    """Fill unknown covariates, in place, with the last value of the series that is known, else with zero."""
    if not cells.size:
        return
    start = np.repeat(offsets[:-1], np.diff(offsets))
    for channel in range(cells.shape[1]):
        column = cells[:, channel]
        last = np.maximum.accumulate(np.where(np.isnan(column), -1, np.arange(len(column))))
        cells[:, channel] = np.where(last >= start, np.nan_to_num(column[np.maximum(last, 0)]), 0.0)


def static_columns(rows: Rows, layout: Layout, names: np.ndarray, problems: list[Problem]) -> pa.Table | None:
    """One row a series: the columns that have one value each.

    Args:
        rows: Sorted rows.
        layout: Names the columns.
        names: `(series,)`.
        problems: Takes problems on.
    """
    taken = {}
    for name in dict.fromkeys((*layout.series, *layout.static)):
        column = rows.table[name]
        # The first cell of each series that is not empty; the first of all where none is.
        filled = column.is_valid().to_numpy(zero_copy_only=False)
        starts = np.searchsorted(rows.codes, np.arange(len(names)))
        known, first = np.unique(rows.codes[filled], return_index=True)
        starts[known] = np.flatnonzero(filled)[first]
        firsts = column.take(pa.array(starts))
        texts = as_text(column).combine_chunks()
        same = pc.equal(texts, texts.take(pa.array(starts[rows.codes])))
        if not pc.all(pc.fill_null(same, True)).as_py():
            row = int(np.flatnonzero(~pc.fill_null(same, True).to_numpy(zero_copy_only=False))[0])
            message = (
                f"'{name}' is said to be static and changes within '{names[rows.codes[row]]}'"
                f" ({place(int(rows.order[row]))})"
            )
            remedy = "take it out of forecast.static, or name it under forecast.known_future"
            problems.append(Problem("not_static", message, remedy, name))
        taken[name] = firsts
    return pa.table(taken) if taken else pa.table({"": pa.nulls(len(names))}).select([])
