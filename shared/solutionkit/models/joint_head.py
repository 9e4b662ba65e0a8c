"""Several labels learned by one network: the heads of all stand side by side.

A row need not have every label. What it lacks (-1) is not learned from and not judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from solutionkit.examples.columns import TableSpec
from solutionkit.models.heads import Head

# A class that is this much rarer than the most frequent one weighs no more than that.
LARGEST_WEIGHT = 10.0


@dataclass(frozen=True)
class JointHead:
    """The heads of the label and of further ones; with one alone it is that one.

    Attributes:
        heads: Of each label, of classes all.
    """

    heads: tuple[Head, ...]

    @classmethod
    def of(cls, spec: TableSpec, labels: np.ndarray) -> JointHead:
        """The heads of what a specification predicts.

        Args:
            spec: Its task, and those of further labels.
            labels: `(rows, labels)` class ids that are learned from, -1 where a row has none.
        """
        columns = (labels[labels[:, place] >= 0, place] for place in range(labels.shape[1]))
        tasks = (spec.task, *spec.further)
        return cls(tuple(task.head(own) for task, own in zip(tasks, columns, strict=True)))

    @property
    def outputs(self) -> int:
        """Of all labels together."""
        return sum(head.outputs for head in self.heads)

    @property
    def places(self) -> list[slice]:
        """Where each label's outputs stand."""
        ends = list(accumulate(head.outputs for head in self.heads))
        return [slice(end - head.outputs, end) for head, end in zip(self.heads, ends, strict=True)]

    def answers(self, raw: Any) -> Any:
        """`(batch, outputs)` raw values -> probabilities, of each label its own."""
        parts = [head.answers(raw[:, place]) for head, place in zip(self.heads, self.places, strict=True)]
        return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)

    def loss(self, labels: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """`(rows,)` mean loss of the labels that a row has.

        Args:
            labels: `(rows, labels)` class ids.
            answers: `(rows, outputs)` probabilities.
        """
        total, known = np.zeros(len(labels)), labels >= 0
        for number, (head, place) in enumerate(zip(self.heads, self.places, strict=True)):
            own = np.maximum(labels[:, number], 0).astype(np.float32)
            total += known[:, number] * np.asarray(head.loss(own, answers[:, place]), np.float64)
        mean: np.ndarray = total / known.sum(axis=1)
        return mean

    def lesson(self, weights: Sequence[np.ndarray] | None) -> Callable[[Any, Any], Any]:
        """What Keras is to make small: `(batch, labels)` and logits -> `(batch,)`.

        Args:
            weights: Of each label its classes' weights; all alike without them.
        """
        parts = list(zip(self.heads, self.places, strict=True))

        def loss(labels: Any, logits: Any) -> Any:
            total = 0.0
            for number, (head, place) in enumerate(parts):
                own = ops.cast(ops.maximum(labels[:, number], 0), "int32")
                if head.outputs == 1:
                    of_label = keras.losses.binary_crossentropy(
                        ops.cast(own[:, None], logits.dtype), logits[:, place], from_logits=True
                    )
                else:
                    of_label = keras.losses.sparse_categorical_crossentropy(
                        own, logits[:, place], from_logits=True
                    )
                if weights is not None:
                    of_label *= tf.gather(tf.constant(weights[number], logits.dtype), own)
                total += of_label * ops.cast(labels[:, number] >= 0, logits.dtype)
            return total

        return loss

    def weights(self, labels: np.ndarray) -> list[np.ndarray]:
        """Of each label the weights of its classes, see `class_weights`.

        Args:
            labels: `(rows, labels)` class ids that are learned from.
        """
        return [
            class_weights(labels[labels[:, number] >= 0, number], max(head.outputs, 2))
            for number, head in enumerate(self.heads)
        ]


def class_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """`(classes,)` weights under which the root of a class's size counts, so that rare ones are heard.

    Args:
        labels: `(rows,)` class ids.
        classes: How many there are.
    """
    counts = np.bincount(labels, minlength=classes)
    weights = np.minimum(np.sqrt(counts.max() / np.maximum(counts, 1)), LARGEST_WEIGHT)
    whole = (weights * counts).sum()
    result: np.ndarray = weights * (counts.sum() / whole) if whole else weights
    return result


def ignorance(labels: np.ndarray) -> float:
    """The loss of one who knows no more than how frequent the classes of each label are.

    Args:
        labels: `(rows, labels)` class ids, -1 where a row has none.
    """
    known, losses = labels >= 0, []
    for own in labels.T:
        shares = np.bincount(own[own >= 0]) / max((own >= 0).sum(), 1)
        losses.append(-np.sum(shares * np.log(np.maximum(shares, 1e-12))))
    # As `JointHead.loss` weighs them.
    return float((known @ np.array(losses) / known.sum(axis=1)).mean())
