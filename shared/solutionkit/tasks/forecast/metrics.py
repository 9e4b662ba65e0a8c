"""Metrics of forecasts. A row is a window: the next steps of a series from one origin.

Labels are `(windows, horizon + 2)`: the steps, NaN where not known, then what errors of the series are
measured by, see `modalities.series.windows.scales`. Outputs are `(windows, horizon, quantiles)`.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from solutionkit.compare.metrics import Metric, View
from solutionkit.tasks.forecast.layout import ABSOLUTE, SQUARED, steps_of

FEWEST_WINDOWS = 6


def errors(labels: np.ndarray, point: np.ndarray) -> np.ndarray:
    """`(windows, horizon)` forecast minus truth, NaN where the truth is not known."""
    missed: np.ndarray = point - steps_of(labels)
    return missed


def ratio(over: np.ndarray, under: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`(resamples,)` sums of `(windows,)` numerators by those of denominators; 0 by 0 is 0.

    Args:
        over: Numerators.
        under: Denominators, none negative.
        weights: `(resamples, windows)`.
    """
    bottom = weights @ under
    top = weights @ over
    found: np.ndarray = np.divide(top, bottom, out=np.where(top > 0, np.inf, 0.0), where=bottom > 0)
    return found


def wape(labels: np.ndarray, point: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum of absolute errors as a share of the sum of absolute values."""
    missed = np.nansum(np.abs(errors(labels, point)), axis=1)
    return ratio(missed, np.nansum(np.abs(steps_of(labels)), axis=1), weights)


def scaled(power: int, labels: np.ndarray, point: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over windows of errors by the series' own changes: MASE for power 1, RMSSE for 2.

    R. Hyndman, A. Koehler, International Journal of Forecasting 22 (2006). Windows of series that never
    changed before the evaluation do not count.

    Args:
        power: Of errors.
        labels: `(windows, horizon + 2)`.
        point: `(windows, horizon)` forecasts.
        weights: `(resamples, windows)`.
    """
    by = labels[:, ABSOLUTE if power == 1 else SQUARED]
    found = known_mean(np.abs(errors(labels, point)) ** power) / by
    counted = np.isfinite(found)
    rooted = np.where(counted, found, 0.0) ** (1.0 / power)
    return ratio(rooted, counted.astype(float), weights)


def smape(labels: np.ndarray, point: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of errors as a share of the mean of truth and forecast, from 0 to 2; 0 where both are 0."""
    truth = steps_of(labels)
    size = np.abs(truth) + np.abs(point)
    share = np.divide(2.0 * np.abs(point - truth), size, out=np.zeros_like(size), where=size > 0)
    found = known_mean(np.where(np.isnan(truth), np.nan, share))
    counted = np.isfinite(found)
    return ratio(np.where(counted, found, 0.0), counted.astype(float), weights)


def quantile_loss(
    quantiles: np.ndarray, labels: np.ndarray, outputs: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Twice the mean pinball loss over quantiles, as a share of the sum of absolute values.

    Args:
        quantiles: `(quantiles,)` between 0 and 1.
        labels: `(windows, horizon + 2)`.
        outputs: `(windows, horizon, quantiles)`.
        weights: `(resamples, windows)`.
    """
    below = steps_of(labels)[:, :, None] - outputs
    losses = 2.0 * np.maximum(quantiles * below, (quantiles - 1.0) * below).mean(axis=2)
    return ratio(np.nansum(losses, axis=1), np.nansum(np.abs(steps_of(labels)), axis=1), weights)


def known_mean(values: np.ndarray) -> np.ndarray:
    """`(windows,)` means of what is known of `(windows, horizon)`; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    mean: np.ndarray = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return mean


def point_view(horizon: int, median: int, quantiles: int) -> View:
    """What metrics of the median see.

    Args:
        horizon: Steps.
        median: Which of the quantiles it is.
        quantiles: How many there are.
    """
    return View(
        labels=lambda labels: labels.astype(np.float64),
        scores=lambda outputs: outputs.reshape(-1, horizon, quantiles)[:, :, median],
        strata=with_demand,
        enough=lambda labels: int((with_demand(labels) >= 0).sum()) >= FEWEST_WINDOWS,
        kinds=lambda labels: np.zeros(len(labels), np.int64),
    )


def with_demand(labels: np.ndarray) -> np.ndarray:
    """`(windows,)` 0 for those in which something was there, else -1: shares of nothing mean nothing.

    Each draw of windows must hold one of the former.
    """
    there = np.nansum(np.abs(steps_of(labels)), axis=1) > 0
    return np.where(there, 0, -1)


def metrics_of(horizon: int, quantiles: tuple[float, ...]) -> dict[str, Metric]:
    """All metrics of a forecast, by name.

    Args:
        horizon: Steps.
        quantiles: Those that are forecast.
    """
    count = len(quantiles)
    point = point_view(horizon, quantiles.index(0.5), count)
    every = View(
        point.labels,
        lambda outputs: outputs.reshape(-1, horizon, count),
        point.strata,
        point.enough,
        point.kinds,
    )
    bounds = (0.0, math.inf)
    listed = (
        Metric("wape", "WAPE", wape, False, point, bounds=bounds),
        Metric("mase", "MASE", partial(scaled, 1), False, point, bounds=bounds),
        Metric("rmsse", "RMSSE", partial(scaled, 2), False, point, bounds=bounds),
        Metric("smape", "sMAPE", smape, False, point, bounds=(0.0, 2.0)),
        Metric(
            "quantile_loss",
            "Quantile loss",
            partial(quantile_loss, np.asarray(quantiles)),
            False,
            every,
            bounds=bounds,
        ),
    )
    return {metric.name: metric for metric in listed}
