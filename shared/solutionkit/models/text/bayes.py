"""The simple model of texts: which words each class uses how often (naive Bayes).

A. McCallum, K. Nigam, "A comparison of event models for naive Bayes text classification", AAAI workshop 1998.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import sparse

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import TEXT
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.folds import drawn
from solutionkit.models.tempering import best_temperature
from solutionkit.models.text.explaining import EXPLAINER, save_nothing
from solutionkit.models.text.features import Linear, learned_blocks, matrix
from solutionkit.models.text.linear import tempered_loss
from solutionkit.models.trained import TrainedModel

# What is added to every count; these compete.
SMOOTH = (0.03, 0.1, 0.3, 1.0)
MOST_READ = 200_000


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Count words by class.

    Args:
        train: Texts to count in.
        validation: Texts that choose what is added to counts, and the temperature.
        spec: What the columns are.
        training: Its seed draws texts where there are too many.
    """
    head = spec.task.head(train.label)
    train = train.take(drawn(len(train), MOST_READ, training.seed))
    words = replace(learned_blocks(train.inputs[TEXT], head.outputs, 1)[0], plain=True)
    (counts,), (known,) = matrix(train.inputs[TEXT], [words]), matrix(validation.inputs[TEXT], [words])
    classes = max(head.outputs, 2)
    ones = (np.ones(len(train)), (np.arange(len(train)), train.label))
    by_class = (counts.T @ sparse.csr_matrix(ones, (len(train), classes))).toarray()
    shares = np.log((np.bincount(train.label, minlength=classes) + 1.0) / (len(train) + classes))
    best, least = np.zeros((0, 0)), np.inf
    for added in SMOOTH:
        weights = np.log(by_class + added) - np.log((by_class + added).sum(axis=0))
        weights = np.concatenate([weights, shares[None]])
        if head.outputs == 1:
            weights = weights[:, 1:] - weights[:, :1]
        raw = np.asarray(known @ weights[:-1] + weights[-1], np.float32)
        loss = tempered_loss(head, validation.label, raw)
        if loss < least:
            least, best, best_raw, chosen = loss, weights, raw, added
    temperature = best_temperature(head, validation.label, best_raw[:, None, :])
    best = (best / temperature).astype(np.float32)
    linear = Linear([words], [best[:-1]], best[-1])

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        return head.answers(linear.raw(columns[TEXT]))

    facts: dict[str, Any] = {"algorithm": "naive Bayes of words", "added": chosen, **linear.facts}
    scores = np.asarray(head.answers(best_raw / np.float32(temperature)), np.float64)
    return TrainedModel(score, scores, save_nothing, EXPLAINER, facts)
