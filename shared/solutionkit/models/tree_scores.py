"""Scores of a forest by plain TensorFlow ops: a few table look-ups a column, none a node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from solutionkit.models.trees import LEAVES_PER_WORD, Forest

# LightGBM's kZeroThreshold: values this small count as zero where zero means missing.
ZERO_THRESHOLD = 1e-35


def predictions(forest: Forest, columns: tf.Tensor) -> tf.Tensor:
    """`(batch, outputs)` float64: what `Booster.predict` gives, e.g. probabilities.

    Args:
        forest: The trees.
        columns: `(batch, features)` float64; NaN is missing, categories are whole numbers.
    """
    scores = raw_scores(forest, columns)
    if forest.objective == "binary":
        return tf.sigmoid(forest.sigmoid * scores)
    if forest.objective == "multiclass":
        return tf.nn.softmax(scores)
    return scores


def raw_scores(forest: Forest, columns: tf.Tensor) -> tf.Tensor:
    """`(batch, outputs)` float64 sums of leaf values."""
    table = tf.constant(forest.table)
    reached = tf.broadcast_to(forest.leaves, [tf.shape(columns)[0], len(forest.leaves)])
    for cell in [*_numeric_cells(forest, columns), *_category_cells(forest, columns)]:
        reached = tf.bitwise.bitwise_and(reached, tf.gather(table, cell))
    words = len(forest.leaves) * 8
    masks = tf.reshape(tf.bitcast(reached, tf.uint8), [-1, words])
    place = np.zeros(256, np.int32)
    place[1 << np.arange(LEAVES_PER_WORD)] = 1 + np.arange(LEAVES_PER_WORD)
    offsets = np.arange(words, dtype=np.int32) * (1 + LEAVES_PER_WORD)
    values = tf.gather(forest.values, tf.gather(place, tf.cast(masks, tf.int32)) + offsets)
    bounds = zip(forest.bounds[:-1], forest.bounds[1:], strict=True)
    return tf.stack([tf.reduce_sum(values[:, start:stop], axis=1) for start, stop in bounds], axis=1)


def _numeric_cells(forest: Forest, columns: tf.Tensor) -> Sequence[tf.Tensor]:
    """The table row that each numeric column's values fall into; `(batch,)` each."""
    if not forest.numeric:
        return []
    counts = np.array([len(values) for values in forest.thresholds], np.int32)[:, None]
    edges = np.full((len(counts), counts.max()), np.inf)
    for row, values in zip(edges, forest.thresholds, strict=True):
        row[: len(values)] = values
    value = tf.transpose(tf.gather(columns, forest.numeric, axis=1))
    # A comparison with NaN is false, so NaN is placed apart.
    cell = tf.where(tf.math.is_nan(value), counts + 1, tf.minimum(tf.searchsorted(edges, value), counts))
    if forest.zero_is_missing.any():
        zero = (tf.abs(value) <= ZERO_THRESHOLD) & forest.zero_is_missing[:, None]
        cell = tf.where(zero, counts + 2, cell)
    first = forest.first_cells[: len(counts), None].astype(np.int32)
    cells: Sequence[tf.Tensor] = tf.unstack(cell + first)
    return cells


def _category_cells(forest: Forest, columns: tf.Tensor) -> Sequence[tf.Tensor]:
    """The table row that each categorical column's values fall into; `(batch,)` each."""
    if not forest.categorical:
        return []
    widths = forest.widths[:, None].astype(np.float64)
    value = tf.transpose(tf.gather(columns, forest.categorical, axis=1))
    # Towards zero, as LightGBM's cast does; NaN, negative and unheard-of categories share the last cell.
    known = (value > -1.0) & (value < widths)
    cell = tf.cast(tf.where(known, value, widths), tf.int32)
    first = forest.first_cells[len(forest.numeric) :, None].astype(np.int32)
    cells: Sequence[tf.Tensor] = tf.unstack(cell + first)
    return cells
