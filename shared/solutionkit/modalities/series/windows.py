"""Series -> windows: which origins train, validate and evaluate, and what a model sees of each.

An origin is a step before which everything is known and from which on `horizon` steps are forecast. The last
`windows` of them evaluate, some before these validate, all before trains. What a window holds ends with the
step before its origin, but for columns that are declared to be known beforehand; the targets of a training
window end before the first step that validates, and those before the first one that evaluates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solutionkit.modalities.series.panel import Panel
from solutionkit.splits import EVAL, TRAIN, VALIDATION

USUAL_WINDOWS, MANY_WINDOWS = 4, 8
# Fewer series than this, and stretches of time are what intervals draw.
FEWEST_SERIES = 20
# A model reads so many of a short season, of a long one, so many horizons; no fewer and no more steps.
SHORT_SEASON, SHORT_READ, LONG_READ, HORIZONS_READ = 12, 5, 2, 3
SHORTEST_READ, USUAL_READ, LONGEST_READ = 8, 32, 512
# Of the steps before the evaluation.
VALIDATED_SHARE, MOST_VALIDATED_SHARE, OVERLAPPING = 0.15, 0.25, 4
# Each split's windows, at most.
MOST_WINDOWS, MOST_VALIDATED = 60_000, 12_000
# Numbers that the windows of a split may hold, in all; evaluation windows are all kept or refused.
MOST_NUMBERS, MOST_EVALUATED = 150_000_000, 600_000_000
# Series end together where so many of them end within a horizon.
TOGETHER = 0.8
# Folds of the training side, see `Origins.folds`.
VALIDATED, FITTED, LATE = 0, 1, 2
# What channels of the future are called: those of the calendar, and one where nothing is known of it.
CALENDAR, AHEAD = "calendar: ", "steps ahead"


@dataclass(frozen=True)
class Plan:
    """How windows are cut.

    Attributes:
        horizon: Steps that are forecast.
        lookback: Steps that a model reads.
        seasons: After how many steps patterns repeat, the shortest first.
        windows: Origins that evaluate.
        step: Steps between these.
    """

    horizon: int
    lookback: int
    seasons: tuple[int, ...]
    windows: int
    step: int


@dataclass(frozen=True)
class Origins:
    """Which windows there are.

    Attributes:
        series: `(windows,)` of which series.
        start: `(windows,)` how many of its steps come before.
        known: `(windows,)` steps of the series that targets may be of: those before this one.
        splits: `(windows,)` names.
        folds: `(windows,)` 0 validates; 1 is fitted; 2 is fitted once all that validation decides is decided,
            because its targets stand among those that validate.
    """

    series: np.ndarray
    start: np.ndarray
    known: np.ndarray
    splits: np.ndarray
    folds: np.ndarray

    def __len__(self) -> int:
        return len(self.series)


def plan(panel: Panel, horizon: int, seasons: list[int] | None, lookback: int | None, windows: int | None,
         step: int | None) -> Plan:  # fmt: skip
    """What is declared, and the usual for what is not.

    Args:
        panel: The series; their length decides how much can be read.
        horizon: Steps that are forecast.
        seasons: As declared.
        lookback: As declared.
        windows: As declared.
        step: As declared.
    """
    step = step or horizon
    windows = windows or usual_windows(panel, horizon, step)
    usual = np.asarray(seasons or panel.frequency.seasons)
    # What most series have before the evaluation.
    before = int(np.median(panel.ends)) - horizon - (windows - 1) * step
    found = tuple(int(item) for item in np.unique(usual) if 2 * item <= before) or (1,)
    if found[-1] + horizon > LONGEST_READ:
        found = found[:-1] or found
    if lookback is None:
        longest = found[-1] * (SHORT_READ if found[-1] <= SHORT_SEASON else LONG_READ)
        wanted = min(max(longest, HORIZONS_READ * horizon, USUAL_READ), LONGEST_READ)
        lookback = int(np.clip(wanted, SHORTEST_READ, max(before, SHORTEST_READ)))
    return Plan(horizon, lookback, found, windows, step)


def usual_windows(panel: Panel, horizon: int, step: int) -> int:
    """More origins where few series cannot tell much otherwise and are long enough.

    Args:
        panel: The series.
        horizon: Steps that are forecast.
        step: Steps between origins.
    """
    if len(panel) >= FEWEST_SERIES:
        return USUAL_WINDOWS
    long_enough = float(np.median(panel.ends)) >= 2 * (MANY_WINDOWS * step + horizon)
    return MANY_WINDOWS if long_enough else USUAL_WINDOWS


def ends_together(panel: Panel, horizon: int) -> bool:
    """Whether the series go on to about the same time, so that an origin is the same time for all."""
    last = panel.first + panel.ends
    return bool((last > last.max() - horizon).mean() >= TOGETHER)


def origins(panel: Panel, plan: Plan, seed: int) -> Origins:
    """All windows of the training side and of the evaluation.

    Args:
        panel: The series.
        plan: How they are cut.
        seed: Draws training windows where there are more than can be learned from.
    """
    horizon, together = plan.horizon, ends_together(panel, plan.horizon)
    ends = panel.ends
    # Where series end together an origin is a time; else it is so many steps before each series' own end.
    end = (panel.first + ends).max() - panel.first if together else ends
    back = np.arange(plan.windows)[::-1] * plan.step
    first_eval = end - horizon - back[0]
    validated, apart = validation_origins(int(np.median(first_eval)), plan)
    back_validated = np.arange(validated)[::-1] * apart
    first_validated = first_eval - horizon - back_validated[0]
    numbers = numbers_each(panel, plan)
    most = max(min(MOST_WINDOWS, MOST_NUMBERS // numbers), 1)
    parts = [
        every(end - horizon, back, ends, None, EVAL, VALIDATED),
        thinned(
            every(first_eval - horizon, back_validated, ends, first_eval, VALIDATION, VALIDATED),
            min(MOST_VALIDATED, most),
            seed,
        ),
    ]
    for fold, begin, stop in (
        (FITTED, np.zeros_like(ends), first_validated),
        (LATE, np.maximum(first_validated, 0), first_eval),
    ):
        last = np.minimum(stop, ends)
        parts.append(in_between(begin, last, fold, most, seed + fold))
    parts = [with_targets(part, panel, horizon) for part in parts]
    parts.sort(key=lambda part: (part.splits[0] == EVAL, part.folds[0]) if len(part) else (False, 0))
    joined = [np.concatenate([getattr(part, name) for part in parts]) for name in Origins.__annotations__]
    return Origins(*joined)


def with_targets(found: Origins, panel: Panel, horizon: int) -> Origins:
    """The windows of which a target is known: a gap may be longer than a horizon.

    Args:
        found: Windows.
        panel: The series.
        horizon: Steps.
    """
    known = np.concatenate([[0], np.cumsum(~np.isnan(panel.values))])
    begin = panel.offsets[found.series]
    size = np.diff(panel.offsets)[found.series]
    start = np.minimum(found.start, size)
    stop = np.clip(np.minimum(found.start + horizon, found.known), start, size)
    return taken(found, np.flatnonzero(known[begin + stop] > known[begin + start]))


def validation_origins(before: int, plan: Plan) -> tuple[int, int]:
    """How many origins validate, and how far apart they are.

    Where there is room for one alone, a few that overlap are used if they leave enough to learn from: what is
    odd about one time should not decide everything.

    Args:
        before: Steps before the evaluation, of the median series.
        plan: How windows are cut.
    """
    spare = VALIDATED_SHARE * before - plan.horizon
    if (count := int(spare // plan.step) + 1) > 1:
        return count, plan.step
    apart = max(plan.horizon // OVERLAPPING, 1)
    needed = plan.horizon + (OVERLAPPING - 1) * apart
    return (OVERLAPPING, apart) if needed <= MOST_VALIDATED_SHARE * before else (1, plan.step)


def every(
    last: np.ndarray, back: np.ndarray, ends: np.ndarray, known: np.ndarray | None, split: str, fold: int
) -> Origins:
    """Windows at the same distances from an end in each series; those whose targets are all unknown are not.

    Args:
        last: `(series,)` the last origin.
        back: `(windows,)` how far before it each is.
        ends: `(series,)` observed steps.
        known: `(series,)` as `Origins.known`; by default all that was observed.
        split: Its name.
        fold: Its fold.
    """
    start = (last[:, None] - back[None, :]).reshape(-1)
    series = np.repeat(np.arange(len(ends)), len(back))
    limit = (ends if known is None else np.minimum(known, ends))[series]
    there = (start >= 0) & (start < limit)
    count = int(there.sum())
    return Origins(
        series[there], start[there], limit[there], np.full(count, split, object), np.full(count, fold)
    )


def numbers_each(panel: Panel, plan: Plan) -> int:
    """How many numbers a window holds."""
    channels = 2 + len(panel.known_names) + len(panel.past_names)
    return plan.lookback * channels + plan.horizon * (len(future_channels(panel)) + 1)


def in_between(begin: np.ndarray, stop: np.ndarray, fold: int, most: int, seed: int) -> Origins:
    """A window at each step of each series, or so many of them, drawn.

    Args:
        begin: `(series,)` the first step.
        stop: `(series,)` before which the last one is, and where targets end.
        fold: See `Origins.folds`.
        most: How many there may be.
        seed: Of the draw.
    """
    counts = np.maximum(stop - begin, 0)
    ends = np.cumsum(counts)
    total = int(ends[-1])
    chosen = np.arange(total)
    if total > most:
        chosen = np.unique(np.random.default_rng(seed).integers(0, total, 2 * most))
        chosen = np.sort(np.random.default_rng(seed).permutation(chosen)[:most])
    series = np.searchsorted(ends, chosen, side="right")
    start = chosen - (ends - counts)[series] + begin[series]
    return Origins(
        series, start, stop[series], np.full(len(series), TRAIN, object), np.full(len(series), fold)
    )


def thinned(found: Origins, most: int, seed: int) -> Origins:
    """At most so many windows, drawn; in order."""
    if len(found) <= most:
        return found
    rows = np.sort(np.random.default_rng(seed).choice(len(found), most, replace=False))
    return taken(found, rows)


def taken(found: Origins, rows: np.ndarray) -> Origins:
    """Some of the windows, by position."""
    return Origins(*(getattr(found, name)[rows] for name in Origins.__annotations__))


@dataclass(frozen=True)
class Windows:
    """What models see.

    Attributes:
        past: `(windows, lookback, 2 + channels)` float32: whether a step was observed, its value, and
            covariates, those known beforehand first.
        future: `(windows, horizon, channels)` float32: calendar, then covariates known beforehand.
        targets: `(windows, horizon)` float32, NaN where not known.
    """

    past: np.ndarray
    future: np.ndarray
    targets: np.ndarray


def past_channels(panel: Panel) -> tuple[str, ...]:
    """Names of `Windows.past`'s channels."""
    return ("observed", "value", *panel.known_names, *panel.past_names)


def future_channels(panel: Panel) -> tuple[str, ...]:
    """Names of `Windows.future`'s channels."""
    calendar = tuple(f"{CALENDAR}{name}" for name in panel.frequency.calendar_names)
    return (*calendar, *panel.known_names) or (AHEAD,)


def cut(panel: Panel, found: Origins, plan: Plan) -> Windows:
    """The windows' content.

    Args:
        panel: The series.
        found: Where they are cut.
        plan: How long they are.
    """
    begin = panel.offsets[found.series]
    size = np.diff(panel.offsets)[found.series]
    back = np.arange(-plan.lookback, 0)
    within = found.start[:, None] + back[None, :]
    # A window before the first step of a series, or of a series that has ended, holds nothing there.
    inside = (within >= 0) & (within < size[:, None])
    at = np.where(inside, begin[:, None] + within, 0)
    values = panel.values[at].astype(np.float32) if len(panel.values) else np.zeros(at.shape, np.float32)
    observed = inside & ~np.isnan(values)
    past = np.empty((*at.shape, 2 + len(panel.known_names) + len(panel.past_names)), np.float32)
    past[..., 0] = observed
    past[..., 1] = np.where(observed, values, 0.0)
    stop = 2 + len(panel.known_names)
    past[..., 2:stop] = np.where(inside[..., None], panel.known[at], 0.0)
    past[..., stop:] = np.where(inside[..., None], panel.past[at], 0.0)
    ahead = found.start[:, None] + np.arange(plan.horizon)[None, :]
    beyond = ahead >= size[:, None]
    at = np.where(beyond | (ahead < 0), 0, begin[:, None] + ahead)
    allowed = ~beyond & (ahead >= 0) & (ahead < found.known[:, None])
    targets = np.where(allowed, panel.values[at], np.nan).astype(np.float32)
    steps = panel.first[found.series][:, None] + ahead
    calendar = panel.frequency.calendar(steps.reshape(-1))
    channels = [item.reshape(steps.shape) for item in calendar.values()]
    if not channels and not panel.known_names:
        channels = [np.broadcast_to(np.arange(1.0, plan.horizon + 1), steps.shape)]
    future = np.empty((*at.shape, len(channels) + len(panel.known_names)), np.float32)
    for place, item in enumerate(channels):
        future[..., place] = item
    future[..., len(channels) :] = np.where(beyond[..., None], 0.0, panel.known[at])
    return Windows(past, future, targets)


def scales(panel: Panel, season: int, until: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(series,)` mean absolute and mean squared change over a season, by which errors are measured.

    R. Hyndman, A. Koehler, "Another look at measures of forecast accuracy", International Journal of
    Forecasting 22 (2006). NaN where a series has no two such steps, or never changes.

    Args:
        panel: The series.
        season: Steps.
        until: `(series,)` steps of each that count: those before the evaluation.
    """
    sizes = np.diff(panel.offsets)
    series = np.repeat(np.arange(len(panel)), sizes)
    within = np.arange(len(panel.values)) - panel.offsets[series]
    counted = (within >= season) & (within < until[series])
    at = np.flatnonzero(counted)
    change = panel.values[at] - panel.values[at - season]
    there = ~np.isnan(change)
    count = np.bincount(series[at][there], minlength=len(panel)).astype(float)
    found = []
    for power in (1, 2):
        total = np.bincount(series[at][there], weights=np.abs(change[there]) ** power, minlength=len(panel))
        mean = np.divide(total, count, out=np.full(len(panel), np.nan), where=count > 0)
        found.append(np.where(mean > 0, mean, np.nan))
    return found[0], found[1]
