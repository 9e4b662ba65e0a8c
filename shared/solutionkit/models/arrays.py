"""Splits as arrays in memory: what tf.Transform's graph makes of the raw examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.transform.images import IMAGE
from solutionkit.transform.tabular import CATEGORICAL, NUMERIC, SEQUENCE

BATCH_ROWS = 8192
# Of images, whose pixels are in memory as float32 then.
BATCH_IMAGES = 256


@dataclass(frozen=True)
class Arrays:
    """The rows of a split, transformed.

    Attributes:
        inputs: What tf.Transform's graph gives, of those there are: `numeric` `(rows, numeric columns)`
            float32 z-scores with NaN where missing, `categorical` `(rows, categorical columns)` int64 ids,
            `sequence` `(rows, steps, channels)` float32,
            `image` `(rows, height, width, channels)` uint8 or uint16.
        label: `(rows,)` int64 class ids.
    """

    inputs: dict[str, np.ndarray]
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    @property
    def numeric(self) -> np.ndarray:
        """`(rows, numeric columns)`, of a table without any `(rows, 0)`."""
        return self.inputs.get(NUMERIC, np.zeros((len(self), 0), np.float32))

    @property
    def categorical(self) -> np.ndarray:
        """`(rows, categorical columns)`, of a table without any `(rows, 0)`."""
        return self.inputs.get(CATEGORICAL, np.zeros((len(self), 0), np.int64))

    @property
    def sequence(self) -> np.ndarray:
        """`(rows, steps, channels)`."""
        return self.inputs[SEQUENCE]

    @property
    def image(self) -> np.ndarray:
        """`(rows, height, width, channels)`."""
        return self.inputs[IMAGE]

    def take(self, rows: np.ndarray) -> Arrays:
        """The given rows, by position or by a mask."""
        return Arrays({name: values[rows] for name, values in self.inputs.items()}, self.label[rows])

    def batches(self, rows: int) -> Iterator[dict[str, tf.Tensor]]:
        """The inputs in pieces of at most so many rows, as models read them; images as float32."""
        for start in range(0, len(self), rows):
            piece = {name: values[start : start + rows] for name, values in self.inputs.items()}
            if IMAGE in piece:
                piece[IMAGE] = piece[IMAGE].astype(np.float32)
            yield {name: tf.constant(values) for name, values in piece.items()}


def read_serialized(patterns: Sequence[str]) -> np.ndarray:
    """`(rows,)` serialized tf.Examples of the TFRecord files that match, in file order."""
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    records = tf.data.TFRecordDataset(files, compression_type="").batch(BATCH_ROWS)
    batches = [batch.numpy() for batch in records]
    joined: np.ndarray = np.concatenate(batches) if batches else np.array([], object)
    return joined


def transform_examples(serialized: np.ndarray, transform_output: Any, spec: TableSpec) -> Arrays:
    """Run tf.Transform's graph over serialized tf.Examples.

    Args:
        serialized: `(rows,)` tf.Examples.
        transform_output: A `tft.TFTransformOutput`.
        spec: What the columns are.
    """
    layer = transform_output.transform_features_layer()
    features = {**raw_feature_spec(spec), spec.label: tf.io.FixedLenFeature([], tf.int64)}

    # AutoGraph would translate Keras's and tf.Transform's code, a second, and find nothing to change in it.
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def step(batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        parsed = tf.io.parse_example(batch, features)
        label = parsed.pop(spec.label)
        return layer(parsed), label

    outputs: list[dict[str, np.ndarray]] = []
    labels: list[np.ndarray] = []
    at_once = BATCH_IMAGES if spec.image else BATCH_ROWS
    for start in range(0, len(serialized), at_once):
        output, label = step(tf.constant(serialized[start : start + at_once]))
        outputs.append({name: _stored(value.numpy(), name, spec) for name, value in output.items()})
        labels.append(label.numpy())
    names = outputs[0] if outputs else {}
    inputs = {name: np.concatenate([output[name] for output in outputs]) for name in names}
    return Arrays(inputs, np.concatenate(labels) if labels else np.zeros(0, np.int64))


def _stored(values: np.ndarray, name: str, spec: TableSpec) -> np.ndarray:
    """Pixels, which are whole numbers, in a quarter or half of the memory."""
    if name != IMAGE or spec.image is None:
        return values
    return values.astype(np.uint16 if spec.image.bits == 16 else np.uint8)


def raw_feature_spec(spec: TableSpec) -> dict[str, Any]:
    """How the feature columns stand in a tf.Example: at most one value each, or a whole sequence."""
    types = {"numeric": tf.float32, "categorical": tf.string, "image": tf.string}
    return {
        feature.name: tf.io.FixedLenFeature(feature.shape, tf.float32)
        if feature.kind == "sequence"
        else tf.io.VarLenFeature(types[feature.kind])
        for feature in spec.features
    }
