"""Metrics of predicted numbers."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from solutionkit.compare.metrics import Metric, View, weighted_mean

FEWEST_ROWS = 10


def rmse(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Root of the mean squared error, in the label's unit."""
    root: np.ndarray = np.sqrt(weighted_mean((predictions - labels) ** 2, weights))
    return root


def mae(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean absolute error, in the label's unit."""
    return weighted_mean(np.abs(predictions - labels), weights)


def r2(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of the label's variance that is explained; 0 for its mean, and below for worse."""
    # Around the mean of all rows, because squares of large numbers cancel badly.
    centred = labels - labels.mean()
    variance = weighted_mean(centred**2, weights) - weighted_mean(centred, weights) ** 2
    missed = weighted_mean((predictions - labels) ** 2, weights)
    # A draw of equal labels has nothing to explain.
    share = np.divide(missed, variance, out=np.ones_like(missed), where=variance > 0.0)
    explained: np.ndarray = 1.0 - share
    return explained


def pinball(quantile: float, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean pinball loss, in the label's unit: what is too low costs the quantile, what is too high the rest.

    R. Koenker, G. Bassett: "Regression Quantiles", Econometrica 46 (1978).

    Args:
        quantile: Between 0 and 1.
        labels: `(rows,)` values.
        predictions: `(rows,)` predicted quantiles.
        weights: `(resamples, rows)` how often each row is drawn.
    """
    below = labels - predictions
    return weighted_mean(np.maximum(quantile * below, (quantile - 1.0) * below), weights)


VALUE_VIEW = View(
    labels=lambda labels: labels.astype(np.float64),
    scores=lambda outputs: outputs[:, 0].astype(np.float64),
    strata=lambda labels: np.zeros(len(labels), np.int64),
    enough=lambda labels: len(labels) >= FEWEST_ROWS and float(np.ptp(labels)) > 0.0,
)
ERROR = (0.0, math.inf)
VALUES = (
    Metric(
        "rmse",
        "RMSE",
        rmse,
        False,
        VALUE_VIEW,
        bounds=ERROR,
        tfma="RootMeanSquaredError",
        second_opinion="root_mean_squared_error",
    ),
    Metric(
        "mae",
        "MAE",
        mae,
        False,
        VALUE_VIEW,
        bounds=ERROR,
        tfma="MeanAbsoluteError",
        second_opinion="mean_absolute_error",
    ),
    Metric("r2", "R²", r2, True, VALUE_VIEW, margin=0.01),
)
PINBALL = "pinball"


def pinball_metric(quantile: float) -> Metric:
    """The pinball loss at a quantile."""
    return Metric(
        PINBALL, f"Pinball loss at {quantile:g}", partial(pinball, quantile), False, VALUE_VIEW, bounds=ERROR
    )
