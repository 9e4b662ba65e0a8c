"""Totals of series that add up, by the levels of a hierarchy, and forecasts of both that agree.

Bottom-up, a total's median is the sum of its series' medians. Where the declaration asks for it, totals are
forecast by the Theta method beside, and all medians move by as little as makes them agree, each weighed by
the errors that held-out windows showed: trace minimisation with a diagonal matrix (S. Wickramasuriya,
G. Athanasopoulos, R. Hyndman, Journal of the American Statistical Association 114, 2019). Medians agree
then; other quantiles cannot, because not all series are low at once. Those of a total are as far from its
median as held-out totals were, in units of its series' widths together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from scipy import sparse

from solutionkit.tasks.forecast.layout import steps_of
from solutionkit.tasks.forecast.task import Forecast

# What the top of a hierarchy is called, and what a level's columns and a total's values are joined by.
EVERYTHING, JOINED = "all", " / "
# The system that makes forecasts agree has a row a total.
MOST_TOTALS = 3000


@dataclass(frozen=True)
class Level:
    """Totals of one level.

    Attributes:
        name: Its columns, joined.
        codes: `(windows,)` which total each window is part of, from 0 and without gaps.
        first: `(totals,)` a window of each.
        depth: How many columns it goes by.
    """

    name: str
    codes: np.ndarray
    first: np.ndarray
    depth: int = 0

    def sums(self, values: np.ndarray) -> np.ndarray:
        """`(totals, …)` of `(windows, …)`."""
        summed = np.zeros((len(self.first), *values.shape[1:]))
        np.add.at(summed, self.codes, values)
        return summed


def levels_of(columns: Mapping[str, np.ndarray], hierarchy: list[str], together: np.ndarray) -> list[Level]:
    """From the top down; the last has all columns.

    Args:
        columns: `(windows,)` cells by column.
        hierarchy: Columns, from the coarsest one on.
        together: `(windows,)` what windows must share to add up: where they start.
    """
    codes = np.unique(together, return_inverse=True)[1].reshape(-1)
    found = []
    for depth in range(len(hierarchy) + 1):
        if depth:
            cells = np.unique(columns[hierarchy[depth - 1]].astype(str), return_inverse=True)[1].reshape(-1)
            codes = np.unique(codes * (cells.max() + 1) + cells, return_inverse=True)[1].reshape(-1)
        first = np.unique(codes, return_index=True)[1]
        found.append(Level(JOINED.join(hierarchy[:depth]) or EVERYTHING, codes, first, depth))
    return found


@dataclass(frozen=True)
class Spread:
    """What held-out windows showed of totals, in units of the widths of their series together.

    Attributes:
        quantiles: By level, how far each quantile lies from the median.
        moved: By level, the mean squared error of the totals' own forecasts; empty where they have none.
        series: The mean squared error of a series' median, in units of its own width.
    """

    quantiles: Mapping[str, list[float]] = field(default_factory=dict)
    moved: Mapping[str, float] = field(default_factory=dict)
    series: float = 1.0

    @classmethod
    def of(
        cls,
        task: Forecast,
        levels: list[Level],
        labels: np.ndarray,
        outputs: np.ndarray,
        own: list[np.ndarray] | None,
    ) -> Self:
        """Of held-out windows.

        Args:
            task: What is forecast.
            levels: Of these windows.
            labels: `(windows, horizon + 2)`.
            outputs: `(windows, outputs)` of a model that was not fitted on them.
            own: `(totals, horizon)` by level of the totals' own forecasts, if they are to count.
        """
        truth, said = steps_of(labels), task.by_step(outputs)
        known = ~np.isnan(truth)
        median, wide = said[:, :, task.median], widths(task, said)
        missed = np.where(known, np.nan_to_num(truth) - median, 0.0)
        size = _mean_square(np.where(known, wide, 0.0))
        spread = cls(series=_mean_square(missed) / size if size > 0 else 1.0)
        if own is not None:
            moved = {}
            for level, forecast in zip(levels, own, strict=True):
                # Where a part is not known, the total is not.
                whole = level.sums(~known) == 0
                away = (level.sums(np.nan_to_num(truth)) - forecast)[whole]
                unit = level.sums(wide)[whole]
                moved[level.name] = _mean_square(away) / max(_mean_square(unit), 1e-12) if len(away) else 1.0
            spread = cls(moved=moved, series=spread.series)
            missed = np.where(known, np.nan_to_num(truth) - spread.agreed(median, wide, levels, own), 0.0)
        quantiles = {}
        for level in levels:
            there = level.sums(known) > 0
            unit = level.sums(np.where(known, wide, 0.0))[there]
            ratio = level.sums(missed)[there][unit > 0] / unit[unit > 0]
            far = np.quantile(ratio, task.quantiles) if len(ratio) else np.zeros(len(task.quantiles))
            place = np.arange(len(far))
            far = np.where(place < task.median, np.minimum(far, 0.0), np.maximum(far, 0.0))
            far[task.median] = 0.0
            quantiles[level.name] = [float(item) for item in far]
        return cls(quantiles, spread.moved, spread.series)

    def agreed(
        self, median: np.ndarray, wide: np.ndarray, levels: list[Level], own: list[np.ndarray]
    ) -> np.ndarray:
        """`(windows, horizon)` medians of series, moved towards what the totals' own forecasts ask for.

        Args:
            median: `(windows, horizon)` of the series.
            wide: `(windows, horizon)` see `widths`.
            levels: Of these windows.
            own: `(totals, horizon)` by level.
        """
        moved = median.astype(np.float64).copy()
        # Series of other origins have nothing to do with each other.
        for top in range(len(levels[0].first)):
            rows = np.flatnonzero(levels[0].codes == top)
            parts = []
            for level, forecast in zip(levels, own, strict=True):
                totals, codes = np.unique(level.codes[rows], return_inverse=True)
                parts.append((codes.reshape(-1), forecast[totals], self.moved[level.name]))
            starts = np.cumsum([0, *(len(forecast) for _, forecast, _ in parts)])
            places = np.concatenate(
                [start + codes for start, (codes, _, _) in zip(starts, parts, strict=False)]
            )
            of = np.tile(np.arange(len(rows)), len(parts))
            shape = (int(starts[-1]), len(rows))
            member = sparse.csr_matrix((np.ones(len(of)), (places, of)), shape)
            wanted = np.concatenate([forecast for _, forecast, _ in parts])
            error = np.concatenate([np.full(len(forecast), item) for _, forecast, item in parts])
            for step in range(median.shape[1]):
                own_error = self.series * wide[rows, step] ** 2
                total_error = error * (member @ wide[rows, step]) ** 2
                system = (member.multiply(own_error) @ member.T).toarray() + np.diag(total_error)
                # Totals of no error at all would leave nothing to divide by.
                system[np.diag_indices_from(system)] += 1e-9 * np.trace(system) / len(system) + 1e-12
                away = wanted[:, step] - member @ median[rows, step]
                moved[rows, step] += own_error * (member.T @ np.linalg.solve(system, away))
        return moved

    def to_json(self) -> dict[str, Any]:
        """As it is kept beside a model."""
        return {"quantiles": dict(self.quantiles), "moved": dict(self.moved), "series": self.series}


@dataclass(frozen=True)
class Agreed:
    """Forecasts of series and of their totals.

    Attributes:
        series: `(windows, outputs)`.
        totals: `(totals, outputs)` by level.
    """

    series: np.ndarray
    totals: list[np.ndarray]


def agree(
    task: Forecast, levels: list[Level], outputs: np.ndarray, spread: Spread, own: list[np.ndarray] | None
) -> Agreed:
    """Quantiles of series and totals whose medians add up.

    Args:
        task: What is forecast.
        levels: Of these windows.
        outputs: `(windows, outputs)`.
        spread: What held-out windows showed.
        own: `(totals, horizon)` by level of the totals' own forecasts, if they are to count.
    """
    said = task.by_step(outputs).astype(np.float64)
    median, wide = said[:, :, task.median], widths(task, said)
    if own is not None and spread.moved:
        said = said + (spread.agreed(median, wide, levels, own) - median)[:, :, None]
        said = np.maximum(said, 0.0) if task.nonnegative else said
        median = said[:, :, task.median]
    totals = []
    for level in levels:
        away = level.sums(wide)[:, :, None] * np.asarray(spread.quantiles[level.name])
        total = level.sums(median)[:, :, None] + away
        totals.append((np.maximum(total, 0.0) if task.nonnegative else total).reshape(len(total), -1))
    return Agreed(said.reshape(len(said), -1), totals)


def widths(task: Forecast, said: np.ndarray) -> np.ndarray:
    """`(windows, horizon)` of `(windows, horizon, quantiles)`: of the widest interval, else the median."""
    if task.intervals:
        low, high = task.intervals[0]
        wide = said[:, :, high] - said[:, :, low]
    else:
        wide = np.abs(said[:, :, task.median])
    at_least: np.ndarray = np.maximum(wide, 1e-9)
    return at_least


def own_forecasts(task: Forecast, levels: list[Level], past: np.ndarray) -> list[np.ndarray]:
    """`(totals, horizon)` by level: the Theta method on the sums of what was.

    Args:
        task: What is forecast.
        levels: Of these windows.
        past: `(windows, lookback, channels)`, see `windows.cut`.
    """
    from solutionkit.modalities.series.theta import theta

    fitting = [season for season in task.seasons if 2 * season <= past.shape[1]]
    said = []
    for level in levels:
        there = (level.sums(past[:, :, 0]) > 0).astype(np.float32)
        value = level.sums(past[:, :, 1] * (past[:, :, 0] > 0)).astype(np.float32)
        found = theta(value, there, fitting[-1] if fitting else 1, task.horizon, task.nonnegative)
        said.append(np.asarray(found, np.float64))
    return said


def judged(task: Forecast, levels: list[Level], labels: np.ndarray, agreed: Agreed) -> list[dict[str, Any]]:
    """What forecasts of each level missed, from the top down, the series last.

    Args:
        task: What is forecast.
        levels: Of these windows.
        labels: `(windows, horizon + 2)`.
        agreed: Their forecasts.
    """
    truth = steps_of(labels)
    known = ~np.isnan(truth)
    told = []
    for level, outputs in zip(levels, agreed.totals, strict=True):
        whole = level.sums(~known) == 0
        told.append(_missed(task, level.name, level.sums(np.nan_to_num(truth)), outputs, whole))
    return [*told, _missed(task, "series", np.nan_to_num(truth), agreed.series, known)]


def _missed(
    task: Forecast, name: str, truth: np.ndarray, outputs: np.ndarray, known: np.ndarray
) -> dict[str, Any]:
    said = task.by_step(outputs)
    size = np.abs(truth[known]).sum()
    found: dict[str, Any] = {
        "level": name,
        "totals": len(truth),
        "wape": float(np.abs(said[:, :, task.median] - truth)[known].sum() / size) if size > 0 else None,
    }
    if task.intervals and known.any():
        spans = [task.quantiles[high] - task.quantiles[low] for low, high in task.intervals]
        low, high = task.intervals[int(np.argmin(np.abs(np.array(spans) - 0.8)))]
        inside = (truth >= said[:, :, low] - 1e-9) & (truth <= said[:, :, high] + 1e-9)
        found["interval"] = round(task.quantiles[high] - task.quantiles[low], 4)
        found["covered"] = float(inside[known].mean())
    return found


def _mean_square(values: np.ndarray) -> float:
    return float((values**2).mean()) if values.size else 0.0
