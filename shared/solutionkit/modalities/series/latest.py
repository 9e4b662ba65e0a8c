"""New rows -> the last window of each series, from which a model forecasts."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import as_text, sequence_array
from solutionkit.errors import DataError, Problem, suggestion
from solutionkit.examples.cast import cast
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import FUTURE, PAST
from solutionkit.modalities.rows import ScoringRows
from solutionkit.modalities.series import windows as cutting
from solutionkit.modalities.series.frequency import Frequency
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.panel import Panel, read_panel, without
from solutionkit.modalities.series.table import SERIES
from solutionkit.modalities.series.windows import Origins, Plan
from solutionkit.splits import EVAL
from solutionkit.tasks.forecast.task import Forecast

# The column of new rows that says at which step of the grid a forecast starts.
STEP = "first step"
# Columns that name series and totals as the data does, and of which level a forecast is.
KEY, LEVEL = "key: ", "level of totals"


def layout_of(spec: TableSpec) -> Layout:
    """Which columns of new rows are what, as a model keeps it."""
    raw = json.loads(spec.computed_by)
    listed: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()
    }
    return Layout(**listed)


def latest_windows(raw: pa.Table, source: str, spec: TableSpec) -> ScoringRows:
    """The last window of each series of new rows.

    Args:
        raw: Rows; the value may be empty in those to come.
        source: What to call them in errors.
        spec: What the model knows of the columns.

    Raises:
        DataError: Columns are missing, or too little is known of the steps to come.
    """
    task, layout = spec.task, layout_of(spec)
    assert isinstance(task, Forecast)
    past, future = spec.only(PAST), spec.only(FUTURE)
    wanted = [*layout.series, layout.time, layout.value, *layout.known, *layout.static]
    alone = tuple(
        dict.fromkeys(name.split(" = ")[0] for name in past.domain[2:] if name not in future.domain)
    )
    missing = [name for name in (*wanted, *alone) if name not in raw.column_names]
    if missing:
        names = raw.column_names
        raise DataError(
            source,
            [
                Problem(
                    "missing_column", f"the column '{name}' is missing{suggestion(name, names)}", column=name
                )
                for name in missing
            ],
        )
    known_names = tuple(name for name in future.domain if name in past.domain)
    past_names = tuple(name for name in past.domain[2:] if name not in known_names)
    reading = read_panel(
        raw,
        dataclasses.replace(layout, past=alone),
        source,
        Frequency.read(task.frequency),
        (known_names, past_names),
    )
    if reading.panel is None:
        raise DataError(source, reading.problems)
    panel, notes = going_on(reading.panel, task.horizon)
    horizon, count = task.horizon, len(panel)
    if layout.known:
        notes += [*known_beforehand(panel, horizon, layout, source), *empty_beforehand(raw, layout)]
    if fresh := int((panel.ends == 0).sum()):
        notes.append(f"{fresh:,} series have no past; their forecast leans on what others did")
    everything = np.arange(count)
    found = Origins(
        everything, panel.ends, panel.ends, np.full(count, EVAL, object), np.zeros(count, np.int64)
    )
    plan = Plan(horizon, past.shape[0], task.seasons, 1, horizon)
    cut = cutting.cut(panel, found, plan)
    columns: dict[str, Any] = {
        SERIES: pa.array(panel.names, pa.string()),
        **{name: panel.static[name] for name in panel.static.column_names},
        PAST: sequence_array(cut.past),
        FUTURE: sequence_array(cut.future),
    }
    typed, problems = cast(pa.table(columns), spec, labelled=False)
    if problems:
        raise DataError(source, problems)
    typed = typed.append_column(STEP, pa.array(panel.first + panel.ends))
    typed = typed.append_column(LEVEL, pa.array([SERIES] * count, pa.string()))
    for name in layout.keys:
        typed = typed.append_column(f"{KEY}{name}", as_text(pa.chunked_array(panel.static[name])))
    return ScoringRows(typed, spec, notes=(*reading.notes, *notes))


def named(rows: ScoringRows) -> dict[str, pa.Array]:
    """`(windows,)` columns that say of which series or total each one is, as the data names them."""
    layout = layout_of(rows.spec)
    if not layout.keys:
        return {SERIES: rows.table[SERIES].combine_chunks()}
    level = {"level": rows.table[LEVEL].combine_chunks()} if layout.hierarchy else {}
    return {**level, **{name: rows.table[f"{KEY}{name}"].combine_chunks() for name in layout.keys}}


def going_on(panel: Panel, horizon: int) -> tuple[Panel, list[str]]:
    """The series that have not ended: that were observed lately, or have rows to come; and a note on others.

    Args:
        panel: The series.
        horizon: Steps; what ended longer before the latest series is over.
    """
    last = panel.first + panel.ends
    over = (last < last.max() - horizon) & (np.diff(panel.offsets) <= panel.ends)
    if not over.any():
        return panel, []
    some = ", ".join(panel.names[over][:3])
    told = f"{int(over.sum()):,} series ended before and are not forecast, e.g. {some}"
    return without(panel, over), [told]


def known_beforehand(panel: Panel, horizon: int, layout: Layout, source: str) -> list[str]:
    """Notes on steps to come of which some rows or cells are lacking, which count as those before them.

    Args:
        panel: The series.
        horizon: Steps to come.
        layout: Names the columns known beforehand.
        source: What to call the rows.

    Raises:
        DataError: A series has no row to come at all.
    """
    sizes = np.diff(panel.offsets)
    series = np.repeat(np.arange(len(panel)), sizes)
    within = np.arange(len(panel.given)) - panel.offsets[series]
    to_come = (within >= panel.ends[series]) & (within < panel.ends[series] + horizon) & panel.given
    count = np.bincount(series[to_come], minlength=len(panel))
    short = np.flatnonzero(count < horizon)
    if not len(short):
        return []
    first = int(short[count[short].argmin()])
    until = panel.frequency.texts(panel.first[first : first + 1] + panel.ends[first])[0]
    lacking = (
        f"{len(short):,} of {len(panel):,} series lack rows, e.g. '{panel.names[first]}' has"
        f" {int(count[first])} of {horizon} from {until} on"
    )
    listed = ", ".join(layout.known)
    if count[first] > 0:
        return [f"{lacking}; {listed} count as in the row before"]
    message = f"{listed} must be known for {horizon} steps after the last '{layout.value}': {lacking}"
    remedy = f"add rows with '{layout.value}' left empty"
    raise DataError(source, [Problem("unknown_future", message, remedy, layout.value)])


def empty_beforehand(raw: pa.Table, layout: Layout) -> list[str]:
    """Notes on columns known beforehand that are empty where the value is, too: in rows to come.

    Args:
        raw: The rows.
        layout: Names the columns.
    """
    to_come = pc.is_null(raw[layout.value])
    rows = int(pc.sum(to_come).as_py() or 0)
    empty = {name: pc.and_(to_come, pc.is_null(raw[name])) for name in layout.known}
    counts = {name: int(pc.sum(cells).as_py() or 0) for name, cells in empty.items()}
    return [
        f"'{name}' is empty in {count:,} of {rows:,} rows to come, where the last known one counts"
        for name, count in counts.items()
        if count
    ]
