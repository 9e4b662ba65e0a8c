"""SHAP values of the network by expected gradients, taken where columns have become embeddings.

G. Erion, J. Janizek, P. Sturmfels, S. Lundberg, S. Lee: "Improving performance of deep learning
models with axiomatic attribution priors and expected gradients", Nature Machine Intelligence 3
(2021), equation 2. Category ids have no gradient, embeddings do; a column's contribution is the
sum over its embedding.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from solutionkit.explain.attribution import Attribution
from solutionkit.models import tabm  # noqa: F401  (registers the layers for loading)
from solutionkit.models.arrays import TableArrays
from solutionkit.models.explanation_files import BACKGROUND_FILE
from solutionkit.models.tabular_network import EMBEDDING_FILE, HEAD_FILE, ensemble_probability

SAMPLES = 200
# Interpolated rows evaluated at once.
ROWS_AT_ONCE = 8192


class ExpectedGradients:
    """Expected gradients with alphas stratified over (0, 1) instead of drawn freely.

    Each row meets each background row once, at its own stratum of the path; the random order is
    drawn once and shared by all rows, so results are the same in every call.

    Args:
        folder: Holds the embedding, the head and background rows.
        samples: Background rows used; the error shrinks with their number.
        seed: Of the order.
    """

    method = "expected gradients at the column embeddings"

    def __init__(self, folder: Path, samples: int = SAMPLES, seed: int = 0) -> None:
        self._embedding = keras.models.load_model(folder / EMBEDDING_FILE, compile=False)
        self._head = keras.models.load_model(folder / HEAD_FILE, compile=False)
        with np.load(folder / BACKGROUND_FILE) as stored:
            background = {name: stored[name] for name in stored.files}
        random = np.random.default_rng(seed)
        rows = len(next(iter(background.values())))
        chosen = np.resize(random.permutation(rows), samples)
        self._background = self._embed({name: value[chosen] for name, value in background.items()})
        strata = (np.arange(samples) + random.random(samples)) / samples
        self._alphas = tf.constant(random.permutation(strata), tf.float32)
        self._base = float(np.mean(self._log_odds(self._background).numpy()))
        self._step = tf.function(self._explain_embedded, reduce_retracing=True)

    def explain(self, rows: TableArrays) -> Attribution:
        """Contributions of each column to each row's log odds."""
        embedded = self._embed(rows.inputs)
        at_once = max(1, ROWS_AT_ONCE // len(self._alphas))
        values = [self._step(embedded[start : start + at_once]) for start in range(0, len(embedded), at_once)]
        output = self._log_odds(embedded).numpy()
        return Attribution(np.concatenate(values), self._base, output)

    def _embed(self, inputs: dict[str, np.ndarray]) -> tf.Tensor:
        return tf.convert_to_tensor(self._embedding(inputs, training=False))

    def _log_odds(self, embedded: tf.Tensor) -> tf.Tensor:
        probability = ensemble_probability(self._head(embedded, training=False))[:, 0]
        probability = tf.clip_by_value(probability, 1e-7, 1.0 - 1e-7)
        return tf.math.log(probability) - tf.math.log1p(-probability)

    def _explain_embedded(self, rows: tf.Tensor) -> tf.Tensor:
        """`(rows, columns, width) -> (rows, columns)`."""
        difference = rows[:, None] - self._background[None]
        path = self._background[None] + self._alphas[None, :, None, None] * difference
        shape = tf.shape(path)
        flat = tf.reshape(path, [-1, shape[2], shape[3]])
        with tf.GradientTape() as tape:
            tape.watch(flat)
            total = tf.reduce_sum(self._log_odds(flat))
        gradients = tf.reshape(tape.gradient(total, flat), shape)
        return tf.reduce_mean(tf.reduce_sum(gradients * difference, axis=-1), axis=1)
