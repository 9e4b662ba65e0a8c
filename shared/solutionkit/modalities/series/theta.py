"""The Theta method as TensorFlow ops: a classical forecast of each window, with nothing learned of others.

V. Assimakopoulos, K. Nikolopoulos, "The theta model", International Journal of Forecasting 16 (2000), in the
form of R. Hyndman, B. Billah, ibid. 19 (2003): simple exponential smoothing with half the drift of a linear
trend, of values from which the season is taken. It won the M3 competition, and is hard to beat where nothing
but the past is known.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# Weights of the newest value that compete, by one-step errors within the window.
ALPHAS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95)
# Steps that smoothing looks back on.
LONGEST = 128
# A season counts where the autocorrelation at its lag is larger than that of noise nine times out of ten.
NOISE_QUANTILE = 1.645


def theta(value: tf.Tensor, there: tf.Tensor, season: int, horizon: int, positive: bool) -> tf.Tensor:
    """`(batch, horizon)` forecasts.

    Args:
        value: `(batch, steps)`; 0 where nothing was observed.
        there: `(batch, steps)` 1 where something was.
        season: After how many steps a pattern repeats; 1 for none.
        horizon: Steps to forecast.
        positive: Whether values are never negative; then seasons are factors, else they are summands.
    """
    steps = value.shape[1]
    index, ahead = _season(value, there, season, horizon, positive)
    plain = _without(value, index, positive)
    if steps > LONGEST:
        plain, there = plain[:, -LONGEST:], there[:, -LONGEST:]
        steps = LONGEST
    count = tf.reduce_sum(there, axis=1, keepdims=True)
    place = tf.constant(np.arange(steps, dtype=np.float32) - (steps - 1))[None, :]
    centre = tf.math.divide_no_nan(tf.reduce_sum(place * there, axis=1, keepdims=True), count)
    mean = tf.math.divide_no_nan(tf.reduce_sum(plain * there, axis=1, keepdims=True), count)
    slope = tf.math.divide_no_nan(
        tf.reduce_sum((place - centre) * (plain - mean) * there, axis=1, keepdims=True),
        tf.reduce_sum((place - centre) ** 2 * there, axis=1, keepdims=True),
    )
    level, alpha = _smoothed(plain, there)
    left = 1.0 - (1.0 - alpha) ** count
    further = tf.constant(np.arange(horizon, dtype=np.float32))[None, :]
    said = level + 0.5 * slope * (further + left / alpha)
    said = said * ahead if positive else said + ahead
    return tf.maximum(said, 0.0) if positive else said


def _smoothed(value: tf.Tensor, there: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Exponentially weighted means of all that was observed, and the best weight, `(batch, 1)` each."""
    steps = value.shape[1]
    distance = np.arange(steps)[:, None] - np.arange(steps)[None, :]
    levels, losses = [], []
    # Counted from what was observed last, or nothing would be left of it after a long gap.
    place = tf.constant(np.arange(1, steps + 1, dtype=np.float32))[None, :]
    age = tf.maximum(tf.reduce_max(place * there, axis=1, keepdims=True) - place, 0.0)
    for alpha in ALPHAS:
        # What is known before a step, the newest heaviest.
        before = np.where(distance > 0, (1.0 - alpha) ** (distance - 1.0), 0.0).astype(np.float32)
        weight = tf.matmul(there, tf.constant(before.T))
        said = tf.math.divide_no_nan(tf.matmul(value * there, tf.constant(before.T)), weight)
        judged = there * tf.cast(weight > 0, tf.float32)
        missed = tf.reduce_sum(judged * (value - said) ** 2, axis=1)
        losses.append(tf.math.divide_no_nan(missed, tf.reduce_sum(judged, axis=1)))
        now = there * (1.0 - alpha) ** age
        levels.append(tf.math.divide_no_nan(tf.reduce_sum(now * value, axis=1), tf.reduce_sum(now, axis=1)))
    best = tf.argmin(tf.stack(losses, axis=1), axis=1)
    level = tf.gather(tf.stack(levels, axis=1), best, batch_dims=1)
    return level[:, None], tf.gather(tf.constant(ALPHAS), best)[:, None]


def _season(
    value: tf.Tensor, there: tf.Tensor, season: int, horizon: int, positive: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Seasonal indices of the window's steps `(batch, steps)` and of those to come `(batch, horizon)`.

    Classical decomposition: ratios to, or distances from, a centred moving average, by place in the season.
    """
    steps = value.shape[1]
    neutral = 1.0 if positive else 0.0
    if season < 2 or steps < 2 * season:
        return tf.fill(tf.shape(value), neutral), tf.fill([tf.shape(value)[0], horizon], neutral)
    width = season + 1 if season % 2 == 0 else season
    kernel = np.ones(width, np.float32)
    if season % 2 == 0:
        kernel[0] = kernel[-1] = 0.5

    def around(item: tf.Tensor) -> tf.Tensor:
        weights = tf.constant(kernel.reshape(-1, 1, 1))
        return tf.nn.conv1d(item[:, :, None], weights, 1, "SAME")[:, :, 0]

    covered = around(there)
    average = tf.math.divide_no_nan(around(value * there), covered)
    whole = there * tf.cast(covered > 0.9 * season, tf.float32)
    if positive:
        against = tf.math.divide_no_nan(value, average)
        whole *= tf.cast(average > 0, tf.float32)
    else:
        against = value - average
    # Counted from the end, so that the place in the season of a step to come is known.
    padding = (-steps) % season
    laid = [tf.pad(item, [[0, 0], [padding, 0]]) for item in (against * whole, whole)]
    sums, counts = (
        tf.reduce_sum(tf.reshape(item, [-1, (steps + padding) // season, season]), axis=1) for item in laid
    )
    found = tf.math.divide_no_nan(sums, counts)
    found = tf.where(counts > 0, found, neutral)
    usual = tf.reduce_mean(found, axis=1, keepdims=True)
    found = tf.where(usual > 0, tf.math.divide_no_nan(found, usual), 1.0) if positive else found - usual
    found = tf.where(_repeats(value, there, season), found, neutral)
    found = tf.maximum(found, 0.05) if positive else found
    repeated = tf.tile(found, [1, (steps + padding) // season])[:, padding:]
    ahead = tf.tile(found, [1, -(-horizon // season)])[:, :horizon]
    return repeated, ahead


def _repeats(value: tf.Tensor, there: tf.Tensor, season: int) -> tf.Tensor:
    """`(batch, 1)` whether the autocorrelation at a season's lag tells more than noise."""
    count = tf.reduce_sum(there, axis=1, keepdims=True)
    mean = tf.math.divide_no_nan(tf.reduce_sum(value * there, axis=1, keepdims=True), count)
    away = (value - mean) * there
    power = tf.reduce_sum(away**2, axis=1)

    def correlation(lag: int) -> tf.Tensor:
        return tf.math.divide_no_nan(tf.reduce_sum(away[:, lag:] * away[:, :-lag], axis=1), power)

    before = tf.add_n([correlation(lag) ** 2 for lag in range(1, min(season, 30))])
    limit = NOISE_QUANTILE * tf.sqrt((1.0 + 2.0 * before) / tf.maximum(count[:, 0], 1.0))
    return (tf.abs(correlation(season)) > limit)[:, None]


def _without(value: tf.Tensor, index: tf.Tensor, positive: bool) -> tf.Tensor:
    return tf.math.divide_no_nan(value, index) if positive else value - index
