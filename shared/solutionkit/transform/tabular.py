"""Tables for Transform: numbers as they are and category ids, the same graph in training and serving.

Numbers are not scaled. Trees need none, the network's embedding has edges of its own, and a scale takes
something away: where a few rows are a million times larger than most, z-scores in single precision cannot
tell most of them apart. Vocabularies come from the schema instead of from a pass over the data, so there is
nothing to analyze, which costs Transform about a second each.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import CATEGORICAL, DATE, NUMERIC, SEQUENCE
from solutionkit.transform.dates import parts

MISSING_ID, UNSEEN_ID, FIRST_KNOWN_ID = 0, 1, 2
_SEPARATOR = "\x1f"


def preprocessing_fn(inputs: dict[str, Any], spec: TableSpec) -> dict[str, tf.Tensor]:
    """Raw columns -> what all models read.

    Args:
        inputs: For each feature column a `tf.SparseTensor` with at most one value a row, for a sequence a
            tensor `(batch, steps, channels)`.
        spec: What the columns are.

    Returns:
        `numeric`: `(batch, numeric columns and parts of dates)` float32, NaN where missing.
        `categorical`: `(batch, categorical columns)` int64 ids: 0 missing, 1 unseen, then the domain.
        `sequence`: `(batch, steps, channels)` float32, as it is.
    """
    outputs: dict[str, tf.Tensor] = {}
    columns = [dense(inputs[feature.name], float("nan")) for feature in spec.of(NUMERIC)]
    for feature in spec.of(DATE):
        seen_from = dense(inputs[feature.reference], "") if feature.reference else None
        columns += parts(dense(inputs[feature.name], ""), feature, seen_from)
    if columns:
        outputs[NUMERIC] = tf.stack(columns, axis=1)
    if spec.of(CATEGORICAL):
        outputs[CATEGORICAL] = category_ids(inputs, spec)
    for feature in spec.of(SEQUENCE):
        outputs[SEQUENCE] = tf.ensure_shape(inputs[feature.name], [None, *feature.shape])
    return outputs


def category_ids(inputs: dict[str, Any], spec: TableSpec) -> tf.Tensor:
    """`(batch, categorical columns)` ids, all columns looked up in one table."""
    keys = [
        f"{position}{_SEPARATOR}{value}"
        for position, feature in enumerate(spec.of(CATEGORICAL))
        for value in feature.domain
    ]
    ids = [FIRST_KNOWN_ID + rank for feature in spec.of(CATEGORICAL) for rank in range(len(feature.domain))]

    def make_table() -> tf.lookup.StaticHashTable:
        initializer = tf.lookup.KeyValueTensorInitializer(keys, tf.constant(ids, tf.int64))
        return tf.lookup.StaticHashTable(initializer, UNSEEN_ID)

    table = tft.make_and_track_object(make_table, name="category_ids")
    texts = tf.stack([dense(inputs[feature.name], "") for feature in spec.of(CATEGORICAL)], axis=1)
    prefixes = tf.constant([f"{position}{_SEPARATOR}" for position in range(len(spec.of(CATEGORICAL)))])
    looked_up = table.lookup(tf.strings.join([tf.broadcast_to(prefixes, tf.shape(texts)), texts]))
    return tf.where(texts == "", tf.constant(MISSING_ID, tf.int64), looked_up)


def dense(column: tf.SparseTensor, missing: float | str) -> tf.Tensor:
    """`(batch,)` values of a column with at most one value a row."""
    shape = [column.dense_shape[0], 1]
    sparse = tf.SparseTensor(column.indices, column.values, tf.cast(shape, tf.int64))
    return tf.reshape(tf.sparse.to_dense(sparse, missing), [-1])
