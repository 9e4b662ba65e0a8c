"""What trees read of a window for each step ahead: lags, levels, seasons, calendar, covariates.

All of it is TensorFlow ops on the raw window, so that training and serving cannot drift apart.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from solutionkit.kinds import CATEGORICAL, FUTURE, NUMERIC, PAST
from solutionkit.models.series.classical import classical
from solutionkit.models.series.inputs import Layout, scale_of
from solutionkit.models.series.regressed import regressed

NEWEST, SEASONS_BACK = 8, 3
SPANS = (4, 8, 16, 32, 64, 128, 256)
MISSING = float("nan")


def feature_names(layout: Layout) -> list[str]:
    """What the columns of `features` are, in order."""
    of_window = [f"lag {back}" for back in range(1, min(NEWEST, layout.lookback) + 1)]
    for span in spans(layout):
        of_window += [f"mean of {span}", f"spread of {span}"]
    of_window += ["trend", "share of zeros", "steps since the last", "log level", "observed"]
    of_window += [f"covariate: {name}" for name in layout.past[2:] if name not in layout.future]
    of_step = ["steps ahead", "Theta"]
    for season in layout.seasons:
        of_step += [f"season {season}, {back} back" for back in range(1, seasons_back(season, layout) + 1)]
        of_step += [f"season {season}, mean"]
    of_step += [f"ahead: {name}" for name in layout.future]
    of_step += [f"ahead, against usual: {layout.future[place]}" for _, place in layout.shared]
    of_step += ["regressed on covariates"] if layout.shared else []
    return [*of_step, *of_window, *layout.numeric, *layout.categorical]


def categorical_places(layout: Layout) -> list[int]:
    """Which columns hold ids."""
    count = len(feature_names(layout))
    return list(range(count - len(layout.categorical), count))


def spans(layout: Layout) -> list[int]:
    """How many steps means go over: as a doubling ladder, and by season."""
    wanted = {*SPANS, *layout.seasons}
    return sorted(span for span in wanted if 2 <= span <= layout.lookback)


def seasons_back(season: int, layout: Layout) -> int:
    """How many seasons back a window reaches for every step ahead."""
    return min(SEASONS_BACK, layout.lookback // season) if season > 1 else 0


def features(columns: dict[str, tf.Tensor], layout: Layout) -> tf.Tensor:
    """`(batch, horizon, features)` float32, NaN where not known.

    Args:
        columns: The windows.
        layout: What they hold.
    """
    past, future = columns[PAST], columns[FUTURE]
    horizon, steps = layout.horizon, layout.lookback
    scale = scale_of(past, layout)
    there = past[:, :, 0]
    known = there > 0
    value = tf.where(known, scale.of(past[:, :, 1]), 0.0)
    seen = tf.where(known, value, MISSING)
    of_window = [seen[:, -back] for back in range(1, min(NEWEST, steps) + 1)]
    for span in spans(layout):
        mean, spread = _mean_and_spread(value[:, -span:], there[:, -span:])
        of_window += [mean, spread]
    count = tf.reduce_sum(there, axis=1)
    half = max(steps // 2, 1)
    newer, _ = _mean_and_spread(value[:, -half:], there[:, -half:])
    older, _ = _mean_and_spread(value[:, :-half], there[:, :-half])
    zeros = tf.reduce_sum(there * tf.cast(past[:, :, 1] == 0.0, tf.float32), axis=1)
    back = tf.constant(np.arange(steps, 0, -1, dtype=np.float32))
    busy = tf.where(known & (past[:, :, 1] != 0.0), back[None, :], float(steps + 1))
    of_window += [
        newer - older,
        tf.where(count > 0, tf.math.divide_no_nan(zeros, count), MISSING),
        tf.reduce_min(busy, axis=1),
        tf.math.log(scale.spread[:, 0] / layout.task.usual_level + 1e-9),
        count,
    ]
    alone = [place for place, name in enumerate(layout.past) if place > 1 and name not in layout.future]
    of_window += [past[:, -1, place] for place in alone]

    ahead = np.broadcast_to(np.arange(1, horizon + 1, dtype=np.float32), (1, horizon))
    of_step = [
        tf.tile(tf.constant(ahead.copy()), [tf.shape(past)[0], 1]),
        scale.of(classical(past, layout)),
    ]
    for season in layout.seasons:
        repeated = []
        for back_seasons in range(1, seasons_back(season, layout) + 1):
            at = steps - back_seasons * season + np.arange(horizon) % season
            repeated.append(tf.gather(seen, at, axis=1))
        of_step += repeated
        of_step.append(_known_mean(repeated) if repeated else tf.fill(tf.shape(of_step[0]), MISSING))
    of_step += tf.unstack(future, axis=2)
    weight = there / tf.maximum(count, 1.0)[:, None]
    for in_past, in_future in layout.shared:
        usual = tf.reduce_sum(past[:, :, in_past] * weight, axis=1, keepdims=True)
        of_step.append(future[:, :, in_future] - usual)
    if layout.shared:
        of_step.append(regressed(columns, layout))
    repeated_columns = [
        tf.tile(item[:, None], [1, horizon])
        for item in (
            *of_window,
            *(tf.unstack(columns[NUMERIC], axis=1) if layout.numeric else []),
            *(tf.unstack(tf.cast(columns[CATEGORICAL], tf.float32), axis=1) if layout.categorical else []),
        )
    ]
    return tf.stack([*of_step, *repeated_columns], axis=2)


def _mean_and_spread(value: tf.Tensor, there: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`(batch,)` mean and mean absolute distance from it; NaN where nothing was observed."""
    count = tf.reduce_sum(there, axis=1)
    mean = tf.math.divide_no_nan(tf.reduce_sum(value * there, axis=1), count)
    away = tf.math.divide_no_nan(tf.reduce_sum(tf.abs(value - mean[:, None]) * there, axis=1), count)
    return tf.where(count > 0, mean, MISSING), tf.where(count > 1, away, MISSING)


def _known_mean(parts: list[tf.Tensor]) -> tf.Tensor:
    """The mean of what is known of `(batch, horizon)` tensors; NaN where nothing is."""
    stacked = tf.stack(parts)
    known = tf.cast(~tf.math.is_nan(stacked), tf.float32)
    count = tf.reduce_sum(known, axis=0)
    total = tf.reduce_sum(tf.where(known > 0, stacked, 0.0), axis=0)
    return tf.where(count > 0, tf.math.divide_no_nan(total, count), MISSING)
