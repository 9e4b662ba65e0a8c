"""Splits as arrays in memory: what tf.Transform's graph makes of the raw examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import KINDS, block_of, kind_of
from solutionkit.tasks.base import Task

RECORDS_AT_ONCE = 8192


@dataclass(frozen=True)
class TransformedSplit:
    """The rows of a split, transformed.

    Attributes:
        inputs: What tf.Transform's graph gives, by kind of column.
        label: `(rows,)` what is to be predicted, as the task encodes it.
        fold: `(rows,)` which fold of the training side a row is of; 0 holds the validation rows, and without
            it there is but one other fold.
        further: `(rows, labels)` class ids of further labels, -1 where a row has none; if there are such.
    """

    inputs: dict[str, np.ndarray]
    label: np.ndarray
    fold: np.ndarray | None = None
    further: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def labels(self) -> np.ndarray:
        """`(rows, 1 + further labels)` class ids."""
        alone = self.label[:, None]
        return alone if self.further is None else np.concatenate([alone, self.further], axis=1)

    def of(self, kind: str) -> np.ndarray:
        """`(rows, …)` the columns of a kind; `(rows, 0)` without any."""
        return self.inputs.get(kind, np.zeros((len(self), 0), np.float32))

    def take(self, rows: np.ndarray | slice) -> TransformedSplit:
        """The given rows, by position, by a mask or as a slice."""
        return TransformedSplit(
            {name: values[rows] for name, values in self.inputs.items()},
            self.label[rows],
            None if self.fold is None else self.fold[rows],
            None if self.further is None else self.further[rows],
        )

    def joined(self, validation: TransformedSplit) -> TransformedSplit:
        """These rows and then the validation rows, with their folds."""
        fold = np.ones(len(self), np.int64) if self.fold is None else self.fold
        return TransformedSplit(
            {name: np.concatenate([values, validation.inputs[name]]) for name, values in self.inputs.items()},
            np.concatenate([self.label, validation.label]),
            np.concatenate([fold, np.zeros(len(validation), np.int64)]),
            None
            if self.further is None or validation.further is None
            else np.concatenate([self.further, validation.further]),
        )

    def batches(self, rows: int) -> Iterator[dict[str, tf.Tensor]]:
        """The inputs in pieces of at most so many rows, as models read them."""
        for start in range(0, len(self), rows):
            yield {
                name: tf.constant(KINDS[name].as_read(values[start : start + rows]))
                for name, values in self.inputs.items()
            }


def read_serialized(patterns: Sequence[str]) -> np.ndarray:
    """`(rows,)` serialized tf.Examples of the TFRecord files that match, in file order."""
    return _records(_matching(patterns))


def read_folds(patterns: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """As `read_serialized`, with `(rows,)` the fold of each: files count from 1."""
    parts = [_records([file]) for file in _matching(patterns)]
    folds = np.repeat(np.arange(1, len(parts) + 1), [len(part) for part in parts])
    return (np.concatenate(parts) if parts else np.array([], object)), folds


def _matching(patterns: Sequence[str]) -> list[str]:
    return sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))


def _records(files: list[str]) -> np.ndarray:
    records = tf.data.TFRecordDataset(files, compression_type="").batch(RECORDS_AT_ONCE)
    batches = [batch.numpy() for batch in records]
    joined: np.ndarray = np.concatenate(batches) if batches else np.array([], object)
    return joined


def transform_examples(serialized: np.ndarray, transform_output: Any, spec: TableSpec) -> TransformedSplit:
    """Run tf.Transform's graph over serialized tf.Examples.

    Args:
        serialized: `(rows,)` tf.Examples.
        transform_output: A `tft.TFTransformOutput`.
        spec: What the columns are.
    """
    layer = transform_output.transform_features_layer()
    features = {**raw_feature_spec(spec), spec.label: spec.task.parsing}

    # AutoGraph would translate Keras's and tf.Transform's code, a second, and find nothing to change in it.
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def step(batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        parsed = tf.io.parse_example(batch, features)
        label = parsed.pop(spec.label)
        return layer(parsed), label

    outputs: list[dict[str, np.ndarray]] = []
    labels: list[np.ndarray] = []
    at_once = spec.rows_transformed
    for start in range(0, len(serialized), at_once):
        output, label = step(tf.constant(serialized[start : start + at_once]))
        outputs.append({name: _stored(value.numpy(), name, spec) for name, value in output.items()})
        labels.append(label.numpy())
    names = outputs[0] if outputs else {}
    inputs = {name: np.concatenate([output[name] for output in outputs]) for name in names}
    return TransformedSplit(inputs, np.concatenate(labels) if labels else np.zeros(0, np.int64))


def further_labels(serialized: np.ndarray, task: Task) -> np.ndarray:
    """`(rows,)` encoded labels of a task whose label is carried along as text; -1 where a row has none."""
    read = {task.label: tf.io.FixedLenFeature([], tf.string, "")}
    cells = tf.io.parse_example(serialized, read)[task.label].numpy()
    texts = pa.chunked_array([pa.array([cell.decode() or None for cell in cells], pa.string())])
    encoded, _ = task.encode(texts)
    return np.asarray(encoded.fill_null(-1).to_numpy(), np.int64)


def parse_columns(serialized: np.ndarray, spec: TableSpec, names: list[str]) -> dict[str, np.ndarray]:
    """Columns of serialized tf.Examples: the label as its task has it, others by kind, else as text."""
    if not names:
        return {}
    known = {feature.name: kind_of(feature).parsing_dense(feature) for feature in spec.features}
    known[spec.label] = spec.task.parsing
    text = tf.io.FixedLenFeature([], tf.string, "")
    parsed = tf.io.parse_example(serialized, {name: known.get(name, text) for name in names})
    return {
        name: np.array([cell.decode("utf-8") for cell in column.numpy()], object)
        if column.dtype == tf.string
        else column.numpy()
        for name, column in parsed.items()
    }


def _stored(values: np.ndarray, name: str, spec: TableSpec) -> np.ndarray:
    """A kind's values in no more memory than they need; all of its columns are of one type."""
    first = next(feature for feature in spec.ordered if block_of(feature) == name)
    return KINDS[name].stored(values, first)


def raw_feature_spec(spec: TableSpec) -> dict[str, Any]:
    """How the feature columns stand in a tf.Example."""
    return {feature.name: kind_of(feature).parsing(feature) for feature in spec.features}
