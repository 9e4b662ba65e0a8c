"""The trivial forecast: the last value that was known, and how far it usually strays."""

from __future__ import annotations

import numpy as np
from scipy import stats


def naive(past: np.ndarray, horizon: int, quantiles: tuple[float, ...]) -> np.ndarray:
    """`(windows, horizon * quantiles)` the last observed value, spread as a random walk of its steps.

    R. Hyndman, G. Athanasopoulos, "Forecasting: principles and practice" (2021), section 5.5.

    Args:
        past: `(windows, lookback, channels)`: whether a step was observed, and its value.
        horizon: Steps.
        quantiles: Between 0 and 1.
    """
    there, value = past[:, :, 0] > 0, past[:, :, 1].astype(np.float64)
    steps = np.arange(value.shape[1])
    last = np.maximum.accumulate(np.where(there, steps, 0), axis=1)
    filled = np.take_along_axis(value, last, axis=1)
    pairs = there[:, 1:] & there[:, :-1]
    change = np.where(pairs, filled[:, 1:] - filled[:, :-1], 0.0)
    count = np.maximum(pairs.sum(axis=1), 1)
    spread = np.sqrt((change**2).sum(axis=1) / count)
    point = np.where(there.any(axis=1), filled[:, -1], 0.0)
    reach = stats.norm.ppf(np.asarray(quantiles))[None, None, :]
    away = spread[:, None, None] * np.sqrt(np.arange(1, horizon + 1))[None, :, None] * reach
    said = point[:, None, None] + away
    lowest = np.where((value >= 0).all(axis=1), 0.0, -np.inf)
    quantiles_said: np.ndarray = np.maximum(said, lowest[:, None, None])
    return quantiles_said.reshape(len(past), -1)
