"""From what a model says without a unit to its quantiles: moved, in order, in the series' unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from solutionkit.kinds import PAST
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.series.conformal import helpful_shifts
from solutionkit.models.series.inputs import Layout, batches, scale_of, scaled_targets

# Columns -> `(batch, horizon, quantiles)` without their unit.
Scaled = Callable[[dict[str, tf.Tensor]], tf.Tensor]


def finished(scaled: Scaled, shifts: np.ndarray, layout: Layout) -> Scaled:
    """The same in the series' unit, with quantiles moved and none above a larger one.

    V. Chernozhukov, I. Fernández-Val, A. Galichon, "Quantile and probability curves without crossing",
    Econometrica 78 (2010): in order they are no worse.

    Args:
        scaled: What a model says.
        shifts: `(horizon, quantiles)`.
        layout: What windows hold.
    """
    added = tf.constant(shifts[None], tf.float32)

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        scale = scale_of(columns[PAST], layout)
        said = in_order(scaled(columns) + added, layout.task.median)
        values = scale.level[:, :, None] + said * scale.spread[:, :, None]
        return tf.maximum(values, 0.0) if layout.task.nonnegative else values

    return score


def in_order(said: tf.Tensor, median: int) -> tf.Tensor:
    """Quantiles of which none is above a larger one; the median stays what it is.

    Args:
        said: `(batch, horizon, quantiles)`.
        median: Which of them it is.
    """
    middle = said[:, :, median : median + 1]
    lower = tf.minimum(said[:, :, :median], middle)
    upper = tf.maximum(said[:, :, median + 1 :], middle)
    return tf.concat([tf.sort(lower, axis=2), middle, tf.sort(upper, axis=2)], axis=2)


def said_of(score: Scaled, rows: TransformedSplit) -> np.ndarray:
    """`(windows, horizon, quantiles)` what a function of columns says of windows."""
    step = tf.function(score, autograph=False, reduce_retracing=True)
    return np.concatenate([step(batch).numpy() for batch in batches(rows)])


def moved(
    scaled: np.ndarray, validation: TransformedSplit, layout: Layout
) -> tuple[np.ndarray, dict[str, Any]]:
    """How quantiles must be moved, by what a model said of windows that it was not fitted on.

    Args:
        scaled: `(windows, horizon, quantiles)`.
        validation: Those windows.
        layout: What they hold.
    """
    target, _ = scaled_targets(validation, layout)
    quantiles = np.asarray(layout.task.quantiles)
    return helpful_shifts(quantiles, target, scaled)


def in_unit(scaled: np.ndarray, shifts: np.ndarray, rows: TransformedSplit, layout: Layout) -> np.ndarray:
    """`(windows, outputs)` as `finished` gives them, of what was said already.

    Args:
        scaled: `(windows, horizon, quantiles)` without their unit.
        shifts: `(horizon, quantiles)`.
        rows: The windows.
        layout: What they hold.
    """
    parts, start = [], 0
    for batch in batches(rows):
        scale = scale_of(batch[PAST], layout)
        stop = start + len(batch[PAST])
        said = in_order(tf.constant(scaled[start:stop] + shifts), layout.task.median).numpy()
        values = scale.level.numpy()[:, :, None] + said * scale.spread.numpy()[:, :, None]
        parts.append(np.maximum(values, 0.0) if layout.task.nonnegative else values)
        start = stop
    whole = np.concatenate(parts)
    return whole.reshape(len(whole), -1).astype(np.float64)
