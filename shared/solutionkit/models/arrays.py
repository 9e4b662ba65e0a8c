"""Splits as arrays in memory: what tf.Transform's graph makes of the raw examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.transform.tabular import CATEGORICAL, NUMERIC

BATCH_ROWS = 8192


@dataclass(frozen=True)
class TableArrays:
    """The rows of a split, transformed.

    Attributes:
        numeric: `(rows, numeric columns)` float32 z-scores, NaN where missing.
        categorical: `(rows, categorical columns)` int64 ids.
        label: `(rows,)` int64 class ids.
    """

    numeric: np.ndarray
    categorical: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The model inputs of which there are columns."""
        named = {NUMERIC: self.numeric, CATEGORICAL: self.categorical}
        return {name: values for name, values in named.items() if values.shape[1]}

    def take(self, rows: np.ndarray) -> TableArrays:
        """The given rows."""
        return TableArrays(self.numeric[rows], self.categorical[rows], self.label[rows])


def read_serialized(patterns: Sequence[str]) -> np.ndarray:
    """`(rows,)` serialized tf.Examples of the TFRecord files that match, in file order."""
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    records = tf.data.TFRecordDataset(files, compression_type="").batch(BATCH_ROWS)
    batches = [batch.numpy() for batch in records]
    joined: np.ndarray = np.concatenate(batches) if batches else np.array([], object)
    return joined


def transform_examples(serialized: np.ndarray, transform_output: Any, spec: TableSpec) -> TableArrays:
    """Run tf.Transform's graph over serialized tf.Examples.

    Args:
        serialized: `(rows,)` tf.Examples.
        transform_output: A `tft.TFTransformOutput`.
        spec: What the columns are.
    """
    layer = transform_output.transform_features_layer()
    features = {**raw_feature_spec(spec), spec.label: tf.io.FixedLenFeature([], tf.int64)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def step(batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        parsed = tf.io.parse_example(batch, features)
        label = parsed.pop(spec.label)
        return layer(parsed), label

    outputs: list[dict[str, np.ndarray]] = []
    labels: list[np.ndarray] = []
    for start in range(0, len(serialized), BATCH_ROWS):
        output, label = step(tf.constant(serialized[start : start + BATCH_ROWS]))
        outputs.append({name: value.numpy() for name, value in output.items()})
        labels.append(label.numpy())
    rows = len(serialized)

    def joined(name: str, dtype: Any) -> np.ndarray:
        if outputs and name in outputs[0]:
            return np.concatenate([output[name] for output in outputs])
        return np.zeros((rows, 0), dtype)

    label_array = np.concatenate(labels) if labels else np.zeros(0, np.int64)
    return TableArrays(joined(NUMERIC, np.float32), joined(CATEGORICAL, np.int64), label_array)


def raw_feature_spec(spec: TableSpec) -> dict[str, Any]:
    """How the feature columns stand in a tf.Example: at most one value each."""
    types = {"numeric": tf.float32, "categorical": tf.string}
    return {feature.name: tf.io.VarLenFeature(types[feature.kind]) for feature in spec.features}
