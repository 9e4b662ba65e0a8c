"""What networks read of a window: its steps without their unit, and what is known of each step ahead.

Beside calendar and covariates each step ahead has classical forecasts of itself: a network that starts from
them has the season and the trend to mend, not to find.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from solutionkit.kinds import CATEGORICAL, FUTURE, NUMERIC, PAST
from solutionkit.modalities.series.frequency import Frequency
from solutionkit.modalities.series.windows import CALENDAR
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.series.classical import classical, last_season
from solutionkit.models.series.inputs import Layout, batches, scale_of
from solutionkit.models.series.regressed import regressed

VALUE, THERE, AHEAD, WINDOW, IDS = "value", "there", "ahead", "window", "ids"
HARMONICS = 3
# Values beyond so many levels are cut off.
FURTHEST = 20.0
# The first columns of `ahead` are forecasts of the step, on which networks build.
THETA, SEASON = 0, 1


def prepared(columns: dict[str, tf.Tensor], layout: Layout) -> dict[str, tf.Tensor]:
    """What a network reads.

    Args:
        columns: The windows.
        layout: What they hold.

    Returns:
        `value` and `there`: `(batch, lookback)`; `ahead`: `(batch, horizon, columns)`; `window`:
        `(batch, columns)`; `ids`: `(batch, categorical columns)`, where there are such.
    """
    past, future = columns[PAST], columns[FUTURE]
    scale = scale_of(past, layout)
    there = past[:, :, 0]
    value = tf.clip_by_value(tf.where(there > 0, scale.of(past[:, :, 1]), 0.0), -FURTHEST, FURTHEST)
    ahead = [_cut(scale.of(classical(past, layout)))]
    seasonal = [season for season in layout.seasons if season > 1]
    repeated = [_cut(scale.of(last_season(past, season, layout.horizon))) for season in seasonal]
    ahead += repeated or [tf.zeros_like(ahead[0])]
    position = np.arange(1, layout.horizon + 1, dtype=np.float32)[None] / layout.horizon
    ahead.append(tf.tile(tf.constant(position), [tf.shape(past)[0], 1]))
    periods = Frequency.read(layout.task.frequency).calendar_names
    for place, name in enumerate(layout.future):
        if name.startswith(CALENDAR):
            angle = 2.0 * math.pi * future[:, :, place] / periods[name.removeprefix(CALENDAR)]
            for multiple in range(1, HARMONICS + 1):
                ahead += [tf.sin(multiple * angle), tf.cos(multiple * angle)]
        elif name in layout.past:
            ahead.append(future[:, :, place])
    count = tf.reduce_sum(there, axis=1, keepdims=True)
    weight = there / tf.maximum(count, 1.0)
    for in_past, in_future in layout.shared:
        usual = tf.reduce_sum(past[:, :, in_past] * weight, axis=1, keepdims=True)
        ahead.append(future[:, :, in_future] - usual)
    if layout.shared:
        ahead.append(_cut(regressed(columns, layout)))
    window = [
        tf.math.log(scale.spread / layout.task.usual_level + 1e-9),
        count / layout.lookback,
        tf.reduce_sum(value * weight, axis=1, keepdims=True),
        *(past[:, -1, place : place + 1] for place in range(2, len(layout.past))),
    ]
    if layout.numeric:
        window.append(tf.where(tf.math.is_nan(columns[NUMERIC]), 0.0, columns[NUMERIC]))
    found = {
        VALUE: value,
        THERE: there,
        AHEAD: tf.stack(ahead, axis=2),
        WINDOW: tf.concat(window, axis=1),
    }
    return found | ({IDS: columns[CATEGORICAL]} if layout.categorical else {})


def prepared_arrays(windows: TransformedSplit, layout: Layout) -> dict[str, np.ndarray]:
    """The same of all windows, in memory."""
    step = tf.function(lambda columns: prepared(columns, layout), autograph=False, reduce_retracing=True)
    parts: list[dict[str, Any]] = [step(batch) for batch in batches(windows)]
    return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}


def _cut(values: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(values, -FURTHEST, FURTHEST)
