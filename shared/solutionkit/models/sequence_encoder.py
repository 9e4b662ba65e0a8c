"""A row's sequence -> a few vectors of a column embedding's width, by convolutions over time.

Two one-dimensional convolutions see neighbouring steps, as in S. Bai, J. Kolter, V. Koltun: "An Empirical
Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling" (arXiv 1803.01271); means,
largest values and the latest step are then laid side by side.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

# So many vectors stand for the sequence beside one a column.
SLOTS = 4
FILTERS, KERNEL = 32, 3


@keras.saving.register_keras_serializable("solutionkit")
class MaskedSummary(keras.layers.Layer):
    """Mean, largest and latest of the steps that are there: `(b, steps, d)`, `(b, steps, 1) -> (b, 3 d)`."""

    def call(self, inputs: Any, present: Any) -> Any:
        """`present` is 1 where there is a step, else 0."""
        count = ops.maximum(ops.sum(present, axis=1), 1.0)
        mean = ops.sum(inputs * present, axis=1) / count
        # Filters end in a ReLU, so nothing is below zero.
        largest = ops.max(inputs * present, axis=1)
        return ops.concatenate([mean, largest, (inputs * present)[:, -1]], axis=-1)


def build_sequence_encoder(
    mean: np.ndarray, variance: np.ndarray, steps: int, width: int, name: str = "sequence_encoder"
) -> keras.Model:
    """The model `(b, steps, channels) -> (b, SLOTS, width)`.

    Args:
        mean: `(channels,)` of the training rows' steps; the first channel says whether a step is there.
        variance: `(channels,)`.
        steps: Length of a sequence.
        width: Width of a column's embedding.
        name: The model's, where there are several.
    """
    sequence = keras.Input((steps, len(mean)), name="sequence")
    present = sequence[:, :, :1]
    hidden = keras.layers.Normalization(mean=mean, variance=variance)(sequence) * present
    for layer in range(2):
        hidden = keras.layers.Conv1D(
            FILTERS, KERNEL, padding="same", activation="relu", name=f"convolution_{layer}"
        )(hidden)
    summary = MaskedSummary(name="summary")(hidden, present)
    flat = keras.layers.Dense(SLOTS * width, name="slots")(summary)
    return keras.Model(sequence, keras.layers.Reshape((SLOTS, width))(flat), name=name)


def step_moments(sequences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(channels,)` mean and variance of the steps that are there; the first channel is left as it is.

    Args:
        sequences: `(rows, steps, channels)`.
    """
    steps = sequences[sequences[:, :, 0] > 0]
    if not len(steps):
        return np.zeros(sequences.shape[2]), np.ones(sequences.shape[2])
    mean, variance = steps.mean(axis=0, dtype=np.float64), steps.var(axis=0, dtype=np.float64)
    mean[0], variance[0] = 0.0, 1.0
    return mean, np.maximum(variance, 1e-6)
