"""Scores of a forest by plain TensorFlow ops: a few table look-ups a column, none a node."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from solutionkit.models.trees import LEAVES_PER_WORD, ZERO_THRESHOLD, Forest

# Columns whose table rows are fetched together: fewer operations, more memory (benchmarks/trees).
COLUMNS_AT_ONCE = 8


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
    reached = tf.broadcast_to(forest.leaves, [tf.shape(columns)[0], len(forest.leaves)])
    for table, cells in _pieces(forest, columns):
        for reachable in tf.unstack(tf.gather(table, cells)):
            reached = tf.bitwise.bitwise_and(reached, reachable)
    words = len(forest.leaves) * 8
    masks = tf.reshape(tf.bitcast(reached, tf.uint8), [-1, words])
    place = np.zeros(256, np.int32)
    place[1 << np.arange(LEAVES_PER_WORD)] = 1 + np.arange(LEAVES_PER_WORD)
    offsets = np.arange(words, dtype=np.int32) * (1 + LEAVES_PER_WORD)
    values = tf.gather(forest.values, tf.gather(place, tf.cast(masks, tf.int32)) + offsets)
    bounds = zip(forest.bounds[:-1], forest.bounds[1:], strict=True)
    return tf.stack([tf.reduce_sum(values[:, start:stop], axis=1) for start, stop in bounds], axis=1)


def _pieces(forest: Forest, columns: tf.Tensor) -> Iterator[tuple[np.ndarray, tf.Tensor]]:
    """The table, some columns at a time, and `(columns, batch)` which of its rows the values fall into.

    TensorFlow's graph optimiser copies an operation's constants, several times. Were the table one constant
    that every column looks into, a forest over hundreds of columns would take minutes and gigabytes to load.
    """
    first = forest.first_cells
    if not len(first):
        return
    starts = np.arange(0, len(first), COLUMNS_AT_ONCE)
    sizes = np.diff([*starts, len(first)])
    offsets = first - np.repeat(first[starts], sizes)
    cells = tf.concat([*_numeric_cells(forest, columns), *_category_cells(forest, columns)], axis=0)
    pieces = tf.split(cells + offsets[:, None].astype(np.int32), sizes)
    yield from zip(np.split(forest.table, first[starts[1:]]), pieces, strict=True)


def _numeric_cells(forest: Forest, columns: tf.Tensor) -> list[tf.Tensor]:
    """`(numeric columns, batch)`, if there are such: which of its column's cells each value falls into."""
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
    return [cell]


def _category_cells(forest: Forest, columns: tf.Tensor) -> list[tf.Tensor]:
    """`(categorical columns, batch)`, if there are such, as `_numeric_cells`."""
    if not forest.categorical:
        return []
    widths = forest.widths[:, None].astype(np.float64)
    value = tf.transpose(tf.gather(columns, forest.categorical, axis=1))
    # Towards zero, as LightGBM's cast does; NaN, negative and unheard-of categories share the last cell.
    known = (value > -1.0) & (value < widths)
    return [tf.cast(tf.where(known, value, widths), tf.int32)]
