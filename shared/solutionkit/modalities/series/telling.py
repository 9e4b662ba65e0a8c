"""What is said of series before anything is learned: what they lack, and what was done about it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from solutionkit.declaration import Declaration
from solutionkit.errors import Problem, suggestion
from solutionkit.modalities.series import windows as cutting
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.panel import Panel
from solutionkit.modalities.series.table import Details
from solutionkit.modalities.series.windows import LATE, Origins, Plan
from solutionkit.splits import EVAL, SPLITS

SHORTER = "name a shorter forecast.horizon or fewer forecast.windows"


def split_rule(details: Details) -> str:
    """In words."""
    plan = details.plan
    together = cutting.ends_together(details.panel, plan.horizon)
    apart = f", {plan.step} steps apart" if plan.windows > 1 else ""
    origins = "the last origin" if plan.windows == 1 else f"the last {plan.windows} origins"
    whose = "" if together else " of each series, which end at different times,"
    return (
        f"{origins}{whose}{apart} evaluate{'s' if plan.windows == 1 else ''}, {plan.horizon} steps each;"
        " origins before them validate, and all before those train"
    )


def missing_series_columns(table: pa.Table, declaration: Declaration) -> list[Problem]:
    """Columns that [forecast] and columns.series name and the data lacks."""
    forecast, series = declaration.forecast, declaration.columns.series or []
    assert forecast is not None
    wanted = {
        "columns.series": [series] if isinstance(series, str) else series,
        "forecast.known_future": forecast.known_future,
        "forecast.static": forecast.static,
    }
    names = table.column_names
    return [
        Problem(
            "missing_column", f"the column '{name}' ({key}) is missing{suggestion(name, names)}", column=name
        )
        for key, listed in wanted.items()
        for name in listed
        if name not in names
    ]


def too_short(panel: Panel, declaration: Declaration, layout: Layout) -> list[Problem]:
    """Why no forecast can be judged."""
    forecast = declaration.forecast
    assert forecast is not None
    if not len(panel):
        message = f"no value of '{layout.value}' is known"
        return [Problem("no_values", message, column=layout.value)]
    windows, step = forecast.windows or cutting.USUAL_WINDOWS, forecast.step or forecast.horizon
    wanted = 2 * forecast.horizon + (windows - 1) * step + 2
    longest = int(panel.ends.max())
    if longest >= wanted:
        return []
    message = (
        f"the longest series has {longest} steps; {windows} origins of {forecast.horizon} steps to evaluate,"
        f" as many before them to validate and some to learn from need {wanted}"
    )
    return [Problem("too_short", message, SHORTER, layout.time)]


def lacking(found: Origins, panel: Panel, plan: Plan, layout: Layout) -> list[Problem]:
    """Splits without a window.

    Args:
        found: The windows that there are.
        panel: The series.
        plan: How they were cut.
        layout: Names the time column.
    """
    lacking = [name for name in SPLITS if not (found.splits == name).any()]
    if not lacking:
        return []
    message = (
        f"no series is long enough for {' and '.join(lacking)} windows: the median one has"
        f" {int(np.median(panel.ends))} steps, {plan.windows} origins of {plan.horizon} evaluate"
    )
    return [Problem("too_short", message, SHORTER, layout.time)]


def told(details: Details) -> list[str]:
    """What windows leave out, and which series are new or have ended."""
    panel, plan, found = details.panel, details.plan, details.origins
    notes = []
    evaluated = np.unique(found.series[found.splits == EVAL])
    ended = len(panel) - len(evaluated)
    if ended:
        notes.append(
            f"{ended:,} series end before the evaluation or start after it; they are learned from alone"
        )
    start = found.start[found.splits == EVAL]
    fresh = np.unique(found.series[found.splits == EVAL][start < plan.lookback // 4])
    if len(fresh):
        notes.append(
            f"{len(fresh):,} series are new: fewer than {plan.lookback // 4} steps come before their first"
            " evaluated forecast, which leans on what others did"
        )
    if (panel.values < 0).any():
        count = int((panel.values < 0).sum())
        notes.append(f"{count:,} values are negative; forecasts may be too")
    late = int((found.folds == LATE).sum())
    if late:
        notes.append(
            f"{late:,} training windows reach into the validation's steps; they are learned from once the"
            " validation has decided how large models are"
        )
    return notes
