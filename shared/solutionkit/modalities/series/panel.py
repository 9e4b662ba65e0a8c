"""Rows of many series -> a regular grid a series, with every irregularity repaired by rule or refused."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import SHOWN, as_text
from solutionkit.errors import Problem
from solutionkit.kinds import KINDS, NUMERIC
from solutionkit.kinds.numeric import to_numbers
from solutionkit.modalities.series.covariates import (
    Rows,
    carried_on,
    covariates,
    static_columns,
)
from solutionkit.modalities.series.frequency import Frequency
from solutionkit.modalities.series.layout import Layout, listed
from solutionkit.modalities.series.stamps import merged, read_times, the_grid

SEPARATOR = " / "
# A grid may hold so many times more steps than there are rows; more where only what happened has a row.
MOST_STRETCHED, MOST_RESTED, LARGEST_GRID = 20, 200, 50_000_000
FARTHEST = 1000
ALL = "all"
LEFT_EMPTY = "mend it, or leave the cell empty where nothing is known"


@dataclass(frozen=True)
class Panel:
    """Series on one grid, each from its first observation to its last row.

    Attributes:
        names: `(series,)`.
        offsets: `(series + 1,)` where each one's steps start.
        first: `(series,)` number of its first step on the grid.
        ends: `(series,)` how many of its steps come before the first one after the last observation.
        values: `(steps,)` float64 what is forecast; NaN where it is not known.
        known: `(steps, channels)` float32 of covariates known beforehand.
        past: `(steps, channels)` float32 of covariates known afterwards.
        known_names: What the channels of `known` are called.
        past_names: What those of `past` are called.
        static: One row a series.
        frequency: The grid.
        given: `(steps,)` which steps had a row.
    """

    names: np.ndarray
    offsets: np.ndarray
    first: np.ndarray
    ends: np.ndarray
    values: np.ndarray
    known: np.ndarray
    past: np.ndarray
    known_names: tuple[str, ...]
    past_names: tuple[str, ...]
    static: pa.Table
    frequency: Frequency
    given: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


@dataclass
class Reading:
    """What came of reading rows.

    Attributes:
        panel: The series; None where a problem forbids it.
        problems: What must be mended.
        notes: What was repaired, one sentence each.
    """

    panel: Panel | None
    problems: list[Problem]
    notes: list[str]


def read_panel(
    table: pa.Table,
    layout: Layout,
    source: str,
    frequency: Frequency | str | None = None,
    channels: tuple[tuple[str, ...], tuple[str, ...]] | None = None,
) -> Reading:
    """Lay rows on a grid.

    Args:
        table: Raw rows, in any order.
        layout: Which column is what.
        source: The data's name for error messages.
        frequency: The grid where it is known, or as `[forecast] frequency` writes it; else found out.
        channels: Names of the channels of covariates where they are known, see `Panel`.

    Raises:
        DataError: Times cannot be read.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    codes, names = series_codes(table, layout, problems)
    values, unfit = to_numbers(table[layout.value], layout.value)
    problems += [dataclasses.replace(problem, remedy=LEFT_EMPTY) for problem in unfit]
    for name in (*layout.known, *layout.past):
        # Before rows are sorted, so that messages name the row where it stands.
        if KINDS[NUMERIC].claims(table[name]):
            problems += to_numbers(table[name], name)[1]
    times, steps = read_times(table, layout.time, source)
    if problems:
        return Reading(None, problems, notes)
    number = values.to_numpy(zero_copy_only=False).astype(np.float64)
    order = np.lexsort([times, codes])
    codes, times, number = codes[order], times[order], number[order]
    table = table.take(pa.array(order))
    same = (np.diff(codes) == 0) & (np.diff(times) == 0)
    if same.any():
        kept, problem, note = merged(codes, times, number, same, layout, order)
        if problem:
            return Reading(None, [problem], notes)
        notes.append(note)
        number = kept
        first = np.concatenate([[True], ~same])
        codes, times, order = codes[first], times[first], order[first]
        table = table.take(pa.array(np.flatnonzero(first)))
    grid = the_grid(frequency, codes, times, steps, layout, problems)
    if grid is None:
        return Reading(None, problems, notes)
    index, off = grid.index(times)
    doubled = (np.diff(codes) == 0) & (np.diff(index) == 0)
    if off.any() or doubled.any():
        rows = order[off] if off.any() else order[1:][doubled]
        message = (
            f"{len(rows):,} times do not lie on the grid {grid.in_words} ({listed(rows)}, e.g."
            f" {table[layout.time][int(np.flatnonzero(off if off.any() else doubled)[0])].as_py()})"
        )
        remedy = "round them, or name another forecast.frequency"
        problems.append(
            Problem("irregular_times", message, remedy, layout.time, tuple(rows[:SHOWN].tolist()))
        )
        return Reading(None, problems, notes)
    laid_out = Rows(table, codes, index, number, order)
    panel = on_grid(laid_out, names, layout, grid, channels, problems, notes)
    return Reading(None if problems else panel, problems, notes)


def series_codes(table: pa.Table, layout: Layout, problems: list[Problem]) -> tuple[np.ndarray, np.ndarray]:
    """`(rows,)` codes of series and their names in the order of the codes.

    Args:
        table: Raw rows.
        layout: Names the columns.
        problems: Takes problems on.
    """
    if not layout.series:
        return np.zeros(table.num_rows, np.int64), np.array([ALL], object)
    texts = []
    for name in layout.series:
        cells = as_text(table[name])
        if cells.null_count:
            rows = pc.indices_nonzero(pc.is_null(cells)).to_numpy()
            message = f"the series column '{name}' is empty in {len(rows):,} rows ({listed(rows)})"
            problems.append(Problem("empty_cells", message, column=name, rows=tuple(rows[:SHOWN].tolist())))
            return np.zeros(table.num_rows, np.int64), np.array([ALL], object)
        texts.append(cells)
    joined = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, SEPARATOR)
    encoded = pa.chunked_array(joined).combine_chunks().dictionary_encode()
    known = np.array(encoded.dictionary.to_pylist(), object)
    rank = np.argsort(np.argsort(known.astype(str), kind="stable"), kind="stable")
    return rank[encoded.indices.to_numpy()], known[np.argsort(known.astype(str), kind="stable")]


def on_grid(
    rows: Rows,
    names: np.ndarray,
    layout: Layout,
    grid: Frequency,
    channels: tuple[tuple[str, ...], tuple[str, ...]] | None,
    problems: list[Problem],
    notes: list[str],
) -> Panel | None:
    """The series with every step between first and last.

    Args:
        rows: Sorted rows.
        names: `(series,)`.
        layout: Which column is what.
        grid: On which all times lie.
        channels: As in `read_panel`.
        problems: Takes problems on.
        notes: Takes notes on.
    """
    observed = ~np.isnan(rows.values)
    count = len(names)
    has = np.zeros(count, bool)
    has[rows.codes[observed]] = True
    bounds = np.searchsorted(rows.codes, np.arange(count + 1))
    # From the first observation on; what stands before it tells nothing.
    start = rows.index[bounds[:-1]].copy()
    earliest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(earliest, rows.codes[observed], rows.index[observed])
    start = np.where(has, earliest, start)
    latest = np.full(count, np.iinfo(np.int64).min)
    np.maximum.at(latest, rows.codes[observed], rows.index[observed])
    stop = rows.index[bounds[1:] - 1] + 1
    if layout.zero_gaps:
        # Nothing was written down where nothing happened, at a series' end as within it.
        latest = np.where(has, latest[has].max(initial=np.iinfo(np.int64).min), latest)
        stop = np.maximum(stop, np.where(has, latest + 1, stop))
    sizes = stop - start
    kept = rows.index >= start[rows.codes]
    if len(rows.codes) > LARGEST_GRID:
        message = f"{len(rows.codes):,} rows are more than the {LARGEST_GRID:,} that can be laid out at once"
        problems.append(Problem("too_many_rows", message, "give fewer series at a time"))
        return None
    most = MOST_RESTED if layout.zero_gaps else MOST_STRETCHED
    if sizes.sum() > min(LARGEST_GRID, most * max(len(rows.codes), 200)):
        longest = int(sizes.argmax())
        message = (
            f"{grid.in_words}, the series '{names[longest]}' would have {int(sizes[longest]):,} steps, all"
            f" together {int(sizes.sum()):,} for {len(rows.codes):,} rows"
        )
        remedy = "mend a time that is far off, or add rows up to longer steps first"
        problems.append(Problem("mostly_gaps", message, remedy, layout.time))
        return None
    counted = np.bincount(rows.codes, minlength=count)
    far = np.flatnonzero((sizes > FARTHEST) & (sizes > MOST_STRETCHED * counted))
    if len(far) and not layout.zero_gaps:
        series = int(far[0])
        place_of = bounds[series] + 1 + int(np.diff(rows.index[bounds[series] : bounds[series + 1]]).argmax())
        message = (
            f"'{names[series]}' has {counted[series]:,} rows for {int(sizes[series]):,} steps: the time of"
            f" {listed(rows.order[place_of : place_of + 1])} is far off"
        )
        problems.append(Problem("far_off", message, "mend it", layout.time))
        return None
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    at = (offsets[rows.codes] + rows.index - start[rows.codes])[kept]
    values = np.full(int(offsets[-1]), np.nan)
    given = np.zeros(len(values), bool)
    values[at], given[at] = rows.values[kept], True
    ends = np.where(has, latest - start + 1, 0)
    within = np.arange(len(values)) - np.repeat(offsets[:-1], sizes)
    inside = within < np.repeat(ends, sizes)
    gaps = int((inside & ~given).sum())
    empty = int((inside & given & np.isnan(values)).sum())
    if gaps and layout.zero_gaps:
        values[inside & ~given] = 0.0
        notes.append(f"{gaps:,} steps without a row count as zero (forecast.gaps)")
    elif gaps:
        notes.append(
            f"{gaps:,} steps within series have no row; they count as not known (or zero, by forecast.gaps)"
        )
    if empty:
        notes.append(
            f"'{layout.value}' is empty in {empty:,} rows before a series' end; they count as not known"
        )
    beforehand, known_names = covariates(
        rows.table, layout.known, channels[0] if channels else None, problems
    )
    afterwards, past_names = covariates(rows.table, layout.past, channels[1] if channels else None, problems)
    static = static_columns(rows, layout, names, problems)
    if problems or static is None:
        return None
    grown = [np.zeros((len(values), item.shape[1]), np.float32) for item in (beforehand, afterwards)]
    for whole, item in zip(grown, (beforehand, afterwards), strict=True):
        whole[:] = np.nan
        whole[at] = item[kept]
        carried_on(whole, offsets)
    return Panel(
        names, offsets, start, ends, values, grown[0], grown[1], known_names, past_names, static, grid, given
    )


def without(panel: Panel, series: np.ndarray) -> Panel:
    """The panel without some series, `(series,)` truth values."""
    left = np.flatnonzero(~series)
    points = np.repeat(~series, np.diff(panel.offsets))
    sizes = np.diff(panel.offsets)[left]
    return dataclasses.replace(
        panel,
        names=panel.names[left],
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        first=panel.first[left],
        ends=panel.ends[left],
        values=panel.values[points],
        known=panel.known[points],
        past=panel.past[points],
        static=panel.static.take(pa.array(left)) if panel.static.num_columns else panel.static,
        given=panel.given[points],
    )
