"""Each window's own regression on what is known beforehand: what a price or a promotion did to this series.

Ridge regression of the (logarithm of the) level on the covariates that stand in past and future. A network or
a forest that learned of many series finds it hard to learn how each of them answers to its price.
"""

from __future__ import annotations

import tensorflow as tf

from solutionkit.kinds import FUTURE, PAST
from solutionkit.models.series.inputs import Layout, scale_of

# In steps: so many observations of no effect are added.
PENALTY = 3.0
# Logarithms are of values at least so large, as a share of the level.
LEAST = 0.05
# A forecast is at most so many levels.
LARGEST = 50.0


def regressed(columns: dict[str, tf.Tensor], layout: Layout) -> tf.Tensor:
    """`(batch, horizon)` forecasts without their unit.

    Args:
        columns: The windows.
        layout: What they hold; some covariates must stand in past and future.
    """
    past, future = columns[PAST], columns[FUTURE]
    scale = scale_of(past, layout)
    there = past[:, :, 0]
    value = scale.of(past[:, :, 1])
    logarithmic = layout.task.nonnegative
    target = tf.math.log(tf.maximum(value, 0.0) + LEAST) if logarithmic else value
    places = layout.shared
    before = tf.gather(past, [place for place, _ in places], axis=2)
    ahead = tf.gather(future, [place for _, place in places], axis=2)
    count = tf.reduce_sum(there, axis=1, keepdims=True)
    weight = (there / tf.maximum(count, 1.0))[:, :, None]
    mean = tf.reduce_sum(before * weight, axis=1, keepdims=True)
    spread = tf.sqrt(tf.reduce_sum((before - mean) ** 2 * weight, axis=1, keepdims=True))
    # A covariate that never changed tells nothing of what its change will do.
    told = tf.cast(spread > 1e-6, tf.float32)
    standard = tf.where(spread > 1e-6, (before - mean) / tf.maximum(spread, 1e-6), 0.0)
    to_come = tf.where(spread > 1e-6, (ahead - mean) / tf.maximum(spread, 1e-6), 0.0)
    centre = tf.reduce_sum(target * weight[:, :, 0], axis=1, keepdims=True)
    rest = (target - centre) * there
    design = standard * there[:, :, None]
    gram = tf.matmul(design, design, transpose_a=True)
    gram += PENALTY * tf.eye(len(places), batch_shape=[1])
    effect = tf.linalg.solve(gram, tf.matmul(design, rest[:, :, None], transpose_a=True))
    # No further out than anything was: a straight line is a guess there.
    reach = tf.reduce_max(tf.abs(standard), axis=1, keepdims=True)
    to_come = tf.clip_by_value(to_come, -reach, reach) * told
    said = centre + tf.matmul(to_come, effect)[:, :, 0]
    return tf.minimum(tf.exp(said) - LEAST, LARGEST) if logarithmic else said
