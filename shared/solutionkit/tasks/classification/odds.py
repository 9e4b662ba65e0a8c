"""Log odds of probabilities."""

from __future__ import annotations

import tensorflow as tf

# Probabilities this near to zero and one have no logarithm worth telling.
EPSILON = 1e-7


def log_odds(probability: tf.Tensor) -> tf.Tensor:
    """Log odds of probabilities, which are kept off 0 and 1."""
    probability = tf.clip_by_value(probability, EPSILON, 1.0 - EPSILON)
    return tf.math.log(probability) - tf.math.log1p(-probability)


def centred_log(probabilities: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """`(batch,)` how far the target's log probability lies above the mean of all classes."""
    logs = tf.math.log(tf.maximum(probabilities, EPSILON))
    return tf.gather(logs, targets, axis=1, batch_dims=1) - tf.reduce_mean(logs, axis=1)
