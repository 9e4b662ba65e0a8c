"""What is said of series before anything is learned: what they lack, and what was done about it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from solutionkit.cells import nested_problems
from solutionkit.declaration import Declaration
from solutionkit.errors import Problem, suggestion
from solutionkit.kinds import FUTURE, PAST
from solutionkit.modalities.series import windows as cutting
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.panel import Panel
from solutionkit.modalities.series.patterns import PATTERN, VOLUME
from solutionkit.modalities.series.table import ORIGIN, SERIES, Details, window_units
from solutionkit.modalities.series.wide import SERIES_BESIDE, TIMES_BESIDE
from solutionkit.modalities.series.windows import AHEAD, LATE, Origins, Plan
from solutionkit.splits import EVAL, FEWEST_UNITS, SPLITS

# What windows, channels of windows, and what `predict` writes of them are called.
WINDOW_NAMES = {SERIES, ORIGIN, PATTERN, VOLUME, PAST, FUTURE}
CHANNEL_NAMES = {"observed", "value", AHEAD}
TOLD_NAMES = {"step", "cutoff"}
LEVEL_NAME = "level"
# Values of a column that somebody split rows by; and what is far above almost all values.
SPLIT_WORDS = {
    "train",
    "training",
    "test",
    "testing",
    "eval",
    "evaluation",
    "val",
    "valid",
    "validation",
    "holdout",
}
ALMOST_ALL, FAR_ABOVE = 0.999, 1000
SHORTER = "name a shorter forecast.horizon or fewer forecast.windows"


def split_rule(details: Details) -> str:
    """In words."""
    plan = details.plan
    together = cutting.ends_together(details.panel, plan.horizon)
    apart = f", {plan.step} steps apart" if plan.windows > 1 else ""
    origins = "the last origin" if plan.windows == 1 else f"the last {plan.windows} origins"
    whose = "" if together else " of each series, which end at different times"
    panel, found, rows = details.panel, details.origins, details.origins.splits == EVAL
    start = (panel.first[found.series] + found.start)[rows]
    since, until = panel.frequency.texts(np.array([start.min(), start.max() + plan.horizon - 1]))
    return (
        f"{origins}{whose}{apart} evaluate{'s' if plan.windows == 1 else ''}, {plan.horizon} steps each, from"
        f" {since} to {until};"
        " origins before them validate, and all before those train"
    )


def key_problems(declaration: Declaration) -> list[Problem]:
    """Columns that play two parts or have a name that windows need, and costs that lead to no stock."""
    columns, forecast, problems = declaration.columns, declaration.forecast, []
    listed = columns.series or []
    series = [listed] if isinstance(listed, str) else listed
    if forecast is not None:
        problems += wide_problems(declaration)
        for key, names in (("known_future", forecast.known_future), ("static", forecast.static)):
            taken = {columns.label: "columns.label", columns.time: "columns.time"}
            taken |= dict.fromkeys(columns.ignore, "columns.ignore")
            if key == "static":
                taken |= dict.fromkeys(forecast.known_future, "forecast.known_future")
            else:
                taken |= dict.fromkeys(series, "columns.series")
            for place, name in enumerate(names):
                if name in taken or name in names[:place]:
                    message = f"forecast.{key} names '{name}', which {taken.get(name, 'it')} names already"
                    problems.append(Problem("two_parts", message, "name it once", name))
        for name in forecast.hierarchy:
            if name not in (*forecast.static, *series):
                message = f"forecast.hierarchy names '{name}', of which a series may have several values"
                problems.append(Problem("not_static", message, "name it in forecast.static, too", name))
        of_series = WINDOW_NAMES - ({SERIES} if len(series) == 1 else set())
        parts = [
            (columns.label, WINDOW_NAMES),
            (columns.time or "", WINDOW_NAMES | TOLD_NAMES),
            *((name, WINDOW_NAMES) for name in forecast.static if name not in series),
            *((name, CHANNEL_NAMES) for name in forecast.known_future),
            *((name, of_series | TOLD_NAMES) for name in series),
            *((name, TOLD_NAMES | {LEVEL_NAME}) for name in forecast.hierarchy),
        ]
        for part, reserved in parts:
            if part in reserved:
                message = f"a column cannot be called '{part}': windows have one of that name"
                problems.append(Problem("reserved_name", message, "rename it in the data", part))
    return problems


def wide_problems(declaration: Declaration) -> list[Problem]:
    """What a wide file cannot hold."""
    forecast, series = declaration.forecast, declaration.columns.series
    if forecast is None or not forecast.wide:
        return []
    problems = []
    if not series or (forecast.wide == SERIES_BESIDE and not isinstance(series, str) and len(series) > 1):
        message = "forecast.wide needs columns.series: what names of series"
        message += " stand under" if forecast.wide == TIMES_BESIDE else " are to be called, one name"
        problems.append(Problem("missing_key", message))
    if forecast.known_future:
        message = "forecast.known_future: a wide file holds one value a series and time"
        problems.append(Problem("two_parts", message, "turn it first, see docs/forecasting.md"))
    if forecast.wide == SERIES_BESIDE and forecast.static:
        message = "forecast.static: a file with a column a series says nothing of series"
        problems.append(Problem("two_parts", message, "turn it first, see docs/forecasting.md"))
    return problems


def missing_series_columns(table: pa.Table, declaration: Declaration) -> list[Problem]:
    """Columns that [forecast] and columns.series name and the data lacks, or that hold lists and the like."""
    forecast, series = declaration.forecast, declaration.columns.series or []
    assert forecast is not None
    wanted = {
        "columns.series": [series] if isinstance(series, str) else series,
        "forecast.known_future": forecast.known_future,
        "forecast.static": forecast.static,
    }
    names = table.column_names
    lacking_columns = [
        Problem(
            "missing_column", f"the column '{name}' ({key}) is missing{suggestion(name, names)}", column=name
        )
        for key, listed in wanted.items()
        for name in listed
        if name not in names
    ]
    return [
        *lacking_columns,
        *nested_problems(table, [name for listed in wanted.values() for name in listed]),
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
        f" {forecast.horizon} steps to validate by and some to learn from need {wanted}"
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
    evaluated = int((found.splits == EVAL).sum()) * cutting.numbers_each(panel, plan)
    if evaluated > cutting.MOST_EVALUATED:
        message = (
            f"the evaluation would hold {evaluated:,} numbers, more than the {cutting.MOST_EVALUATED:,} that"
            " there is room for"
        )
        remedy = "name fewer forecast.windows, a shorter forecast.lookback, or give fewer series"
        return [Problem("too_many_windows", message, remedy, layout.time)]
    lacking = [name for name in SPLITS if not (found.splits == name).any()]
    if not lacking:
        return []
    message = (
        f"no series is long enough for {' and '.join(lacking)} windows: the median one has"
        f" {int(np.median(panel.ends))} steps, {plan.windows} origins of {plan.horizon} evaluate"
    )
    return [Problem("too_short", message, SHORTER, layout.time)]


def told(details: Details, declared_seasons: list[int]) -> list[str]:
    """What windows leave out, and which series are new or have ended.

    Args:
        details: What was cut.
        declared_seasons: Those that the declaration names.
    """
    panel, plan, found = details.panel, details.plan, details.origins
    notes = []
    rows = found.splits == EVAL
    steps = (panel.first[found.series] + found.start)[rows]
    units = window_units({SERIES: panel.names[found.series][rows], ORIGIN: steps}, plan.horizon)[0].max() + 1
    if units < FEWEST_UNITS:
        notes.append(
            f"the evaluation has {units} stretches of {plan.horizon} steps; with fewer than {FEWEST_UNITS} no"
            " test can tell anything, there will be no verdict and nothing ships (see forecast.windows)"
        )
    if left := [season for season in declared_seasons if season not in plan.seasons]:
        notes.append(
            f"season {' and '.join(map(str, left))} is left out: too little comes before the evaluation"
        )
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
    notes += [*unchanging(panel, details.layout), *like_splits(panel, details.layout), *far_above(panel)]
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


def unchanging(panel: Panel, layout: Layout) -> list[str]:
    """A note on covariates that never change within a series."""
    series = np.repeat(np.arange(len(panel)), np.diff(panel.offsets))
    changes = ((panel.past[1:] != panel.past[:-1]) & (series[1:] == series[:-1])[:, None]).any(axis=0)
    changing = {name.split(" = ")[0] for name, item in zip(panel.past_names, changes, strict=True) if item}
    still = [name for name in layout.past if name not in changing]
    if not still:
        return []
    return [f"{', '.join(still)}: one value a series; name such columns in forecast.static"]


def like_splits(panel: Panel, layout: Layout) -> list[str]:
    """A note on covariates that look like names of splits."""
    notes = []
    for name in layout.past:
        values = {
            item.split(" = ", 1)[1].lower() for item in panel.past_names if item.startswith(f"{name} = ")
        }
        if values and values <= SPLIT_WORDS:
            notes.append(
                f"'{name}' looks like a split; series are split by time, so name it in columns.ignore"
            )
    return notes


def far_above(panel: Panel) -> list[str]:
    """A note on a value so large that it may be a slip."""
    size = np.nan_to_num(np.abs(panel.values))
    usual = float(np.quantile(size, ALMOST_ALL, method="lower"))
    top = int(size.argmax())
    if usual <= 0.0 or size[top] <= FAR_ABOVE * usual:
        return []
    whose = int(np.searchsorted(panel.offsets, top, side="right")) - 1
    when = panel.frequency.texts(panel.first[whose : whose + 1] + top - panel.offsets[whose])[0]
    return [
        f"the largest value, {panel.values[top]:.3g} of '{panel.names[whose]}' at {when}, is more than"
        f" {FAR_ABOVE:,} times what {ALMOST_ALL:.1%} of all values are below; mend it if it is a slip"
    ]


def in_words(models: dict[str, Any]) -> str:
    """Of each model bias, how often intervals hold, how wide they are, and what share of demand was served.

    Args:
        models: That key of `comparison.json`.
    """
    told_of = []
    for name, model in models.items():
        if not model.get("intervals"):
            continue
        parts = [f"bias {model['bias']:+.1%}"]
        parts += [
            f"the {float(share):.0%} interval holds {found['covered']:.0%}, width {found['width']:.2f}"
            for share, found in model["intervals"].items()
        ]
        if "service_level" in model["business"]:
            parts.append(f"{model['business']['service_level']:.1%} of demand served")
        told_of.append(f"{name}: {', '.join(parts)}.")
    return " ".join(told_of)
