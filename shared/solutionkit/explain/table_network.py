"""The tabular network explained by expected gradients at its columns' embeddings."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.attribution import Attribution
from solutionkit.explain.background import SAMPLES, drawn_background
from solutionkit.explain.expected_gradients import ExpectedGradients
from solutionkit.kinds import CATEGORICAL, NUMERIC
from solutionkit.models import sequence_encoder, tabm  # noqa: F401  (registers the layers for loading)
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.tabular_network import EMBEDDING_FILE, HEAD_FILE
from solutionkit.models.tempering import ensemble_answers

ROWS_AT_ONCE = 4096


class TableNetwork:
    """Expected gradients of a network of two parts, embedding and head.

    Attributes:
        head: How the task reads raw outputs.
        background: `(samples, …)` by kind of column: the rows compared with.

    Args:
        folder: Holds both parts and background rows.
        spec: What is predicted.
        samples: Background rows used.
        seed: Of their order.
    """

    method = "expected gradients at the column embeddings"

    def __init__(self, folder: Path, spec: TableSpec, samples: int = SAMPLES, seed: int = 0) -> None:
        self._task = spec.task
        # What an answer is does not hang on the training labels, which are not at hand.
        self.head = spec.task.head(np.zeros(0))
        self._embedding = keras.models.load_model(folder / EMBEDDING_FILE, compile=False)
        self._network = keras.models.load_model(folder / HEAD_FILE, compile=False)
        self.background = drawn_background(folder, samples, seed)
        embedded = self._embed(self.background)
        self._gradients = ExpectedGradients(embedded, self._margin, seed=seed)

    def explain(self, rows: TransformedSplit, targets: np.ndarray) -> Attribution:
        """Contributions of each column to each row's `Task.margin` of its target."""
        cells = self._gradients.explain(self._embed(rows.inputs), targets)
        single = rows.of(NUMERIC).shape[1] + rows.of(CATEGORICAL).shape[1]
        if cells.values.shape[1] == single:
            return cells

        def joined(values: np.ndarray) -> np.ndarray:
            """Several vectors stand for the sequence."""
            sequence = values[..., single:].sum(axis=-1, keepdims=True)
            return np.concatenate([values[..., :single], sequence], axis=-1)

        assert cells.halves is not None
        return dataclasses.replace(cells, values=joined(cells.values), halves=joined(cells.halves))

    def margins(self, rows: TransformedSplit, targets: np.ndarray) -> np.ndarray:
        """`(rows,)` each row's `Task.margin` of its target."""
        parts = []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            piece = slice(start, start + ROWS_AT_ONCE)
            parts.append(self._margin(self._embed(rows.take(piece).inputs), tf.constant(targets[piece])))
        return np.concatenate(parts).astype(np.float64)

    def answers(self, raw: Any) -> Any:
        """What the network says, of its raw outputs."""
        return ensemble_answers(self.head, raw)

    def _embed(self, inputs: dict[str, np.ndarray]) -> tf.Tensor:
        return tf.convert_to_tensor(self._embedding(inputs, training=False))

    def _margin(self, embedded: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return self._task.margin(self.answers(self._network(embedded, training=False)), targets)
