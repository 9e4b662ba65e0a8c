"""SHAP values of a network by expected gradients, taken where its inputs have become vectors.

G. Erion, J. Janizek, P. Sturmfels, S. Lundberg, S. Lee: "Improving performance of deep learning
models with axiomatic attribution priors and expected gradients", Nature Machine Intelligence 3
(2021), equation 2. Category ids have no gradient, embeddings do, and single pixels mean little where
feature maps mean much; the contribution of a column or of a place is the sum over its vector.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from solutionkit.explain.attribution import Attribution

# Interpolated rows evaluated at once, for vectors of this many numbers altogether.
NUMBERS_AT_ONCE = 1 << 22

# `(embedded (batch, *places, width), targets (batch,)) -> (batch,)` log odds of each row's target.
LogOdds = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class ExpectedGradients:
    """Expected gradients with alphas placed on (0, 1) instead of drawn freely.

    With one node, each row meets each background row once, at its own stratum of the path; the random
    order is drawn once and shared by all rows. With more, each path has Gauss-Legendre's nodes, which
    are worth it where the background is small and the network far from linear. Either way results are
    the same in every call.

    Args:
        background: `(samples, *places, width)` embedded background rows; the error shrinks with their number.
        log_odds: What is explained.
        nodes: Points on each path.
        seed: Of the order.
    """

    def __init__(self, background: tf.Tensor, log_odds: LogOdds, nodes: int = 1, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        if len(background) == 1:
            # A half each.
            background = tf.repeat(background, 2, axis=0)
        samples = len(background)
        if nodes == 1:
            alphas = random.permutation((np.arange(samples) + random.random(samples)) / samples)
            weights = np.ones(samples)
        else:
            places, shares = np.polynomial.legendre.leggauss(nodes)
            alphas, weights = np.tile((places + 1.0) / 2.0, samples), np.tile(shares / 2.0 * nodes, samples)
        self._background = tf.repeat(background, nodes, axis=0)
        self._alphas = tf.constant(alphas, tf.float32)
        self._weights = tf.constant(weights, tf.float32)
        self._half = tf.constant(np.repeat(np.arange(samples) % 2, nodes), tf.float32)
        self._log_odds = tf.function(log_odds, reduce_retracing=True)
        self._step = tf.function(self._explain, reduce_retracing=True)

    def explain(self, embedded: tf.Tensor, targets: np.ndarray) -> Attribution:
        """Contributions of each place to each row's log odds.

        Args:
            embedded: `(rows, *places, width)`.
            targets: `(rows,)` what is explained of each row, as `log_odds` understands it.
        """
        row_numbers = int(np.prod(embedded.shape[1:])) * len(self._alphas)
        at_once = max(1, NUMBERS_AT_ONCE // row_numbers)
        wanted = tf.constant(targets)
        pieces = [slice(start, start + at_once) for start in range(0, len(targets), at_once)]
        halves = np.concatenate([self._step(embedded[piece], wanted[piece]) for piece in pieces], axis=1)
        output = np.concatenate([self._log_odds(embedded[piece], wanted[piece]) for piece in pieces])
        bases = {
            int(target): float(
                np.mean(
                    self._log_odds(
                        self._background, tf.fill([len(self._alphas)], wanted.dtype.as_numpy_dtype(target))
                    )
                )
            )
            for target in np.unique(targets)
        }
        base = np.array([bases[int(target)] for target in targets])
        share = float(np.mean(self._half))
        return Attribution(share * halves[0] + (1.0 - share) * halves[1], base, output, halves)

    def _explain(self, rows: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """`(rows, *places, width) -> (2, rows, *places)`, from every other path each."""
        places = (1,) * (len(rows.shape) - 1)
        difference = rows[:, None] - self._background[None]
        path = self._background[None] + tf.reshape(self._alphas, [1, -1, *places]) * difference
        shape = tf.shape(path)
        flat = tf.reshape(path, tf.concat([[-1], shape[2:]], axis=0))
        flat.set_shape([None, *rows.shape[1:]])
        with tf.GradientTape() as tape:
            tape.watch(flat)
            total = tf.reduce_sum(self._log_odds(flat, tf.repeat(targets, shape[1])))
        gradients = tf.reshape(tape.gradient(total, flat), shape)
        along = tf.reduce_sum(gradients * difference, axis=-1)
        along *= tf.reshape(self._weights, [1, -1, *places[1:]])
        return tf.stack(
            [
                tf.reduce_sum(along * tf.reshape(half, [1, -1, *places[1:]]), axis=1) / tf.reduce_sum(half)
                for half in (self._half, 1.0 - self._half)
            ]
        )
