"""Metrics of classifiers.

A metric has one of two views of the same predictions: detection asks whether a row is positive, that is of
any class but the first, and how sure the model is of that; classes asks which class it is.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from solutionkit.compare.calibration import wilson
from solutionkit.compare.delong import delong
from solutionkit.compare.inference import Difference, Estimate
from solutionkit.compare.mcnemar import McNemar
from solutionkit.compare.metrics import Metric, PairedTest, View, leave_room, weighted_mean

FEWEST_OF_A_CLASS = 5


def detected(labels: np.ndarray) -> np.ndarray:
    """`(rows,)` 1 where the class is any but the first."""
    return (labels > 0).astype(np.int64)


def detection_scores(probabilities: np.ndarray) -> np.ndarray:
    """`(rows,)` probability of any class but the first, of `(rows, outputs)`."""
    return probabilities[:, 0] if probabilities.shape[1] == 1 else 1.0 - probabilities[:, 0]


def class_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """`(rows, classes)` of `(rows, outputs)`: one output is the second class's probability."""
    if probabilities.shape[1] > 1:
        return probabilities
    return np.concatenate([1.0 - probabilities, probabilities], axis=1)


def enough_of_both(labels: np.ndarray) -> bool:
    """Whether there are enough positives and negatives."""
    positives = int(detected(labels).sum())
    return min(positives, len(labels) - positives) >= FEWEST_OF_A_CLASS


DETECTION_VIEW = View(detected, detection_scores, strata=detected, enough=enough_of_both)
# These are defined even if a class is missing.
CLASSES_VIEW = View(lambda labels: labels, class_probabilities, strata=np.zeros_like)
# In which each class counts alike, the scarcest too.
EACH_CLASS_VIEW = replace(CLASSES_VIEW, kinds=lambda labels: labels)


class DeLongTest(PairedTest):
    """Of ROC-AUCs of independent rows, see `compare.delong`."""

    def estimates(
        self, metric: Metric, labels: np.ndarray, models: list[np.ndarray], seed: int
    ) -> list[Estimate]:
        """Without draws."""
        del seed
        result = delong(metric.view.labels(labels), np.stack([metric.view.scores(item) for item in models]))
        return [result.estimate(position) for position in range(len(models))]

    def difference(
        self, metric: Metric, labels: np.ndarray, first: np.ndarray, second: np.ndarray, seed: int
    ) -> Difference:
        """Without draws."""
        del seed
        scores = np.stack([metric.view.scores(first), metric.view.scores(second)])
        return leave_room(delong(metric.view.labels(labels), scores).difference(), metric, first, second)


class McNemarTest(PairedTest):
    """Of accuracies of independent rows, see `compare.mcnemar`; a model's own interval is Wilson's."""

    def estimates(
        self, metric: Metric, labels: np.ndarray, models: list[np.ndarray], seed: int
    ) -> list[Estimate]:
        """Without draws."""
        del seed
        shares = [metric.value(labels, outputs) for outputs in models]
        return [Estimate(share, *wilson(round(share * len(labels)), len(labels))) for share in shares]

    def difference(
        self, metric: Metric, labels: np.ndarray, first: np.ndarray, second: np.ndarray, seed: int
    ) -> Difference:
        """Without draws."""
        del metric, seed
        return McNemar.of(*(class_probabilities(item).argmax(axis=1) == labels for item in (first, second)))


DELONG = DeLongTest("delong", "DeLong's test for paired ROC-AUCs")
MCNEMAR = McNemarTest("mcnemar", "McNemar's test")


def roc_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Chance that a positive row scores above a negative one; ties count half."""
    positive, negative = _by_score(labels, scores, weights)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    result: np.ndarray = (positive * below).sum(axis=1) / pairs
    return result


def average_precision(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean precision over the recalled positives, as in scikit-learn's `average_precision_score`."""
    positive, negative = _by_score(labels, scores, weights)
    true = np.cumsum(positive[:, ::-1], axis=1)
    flagged = true + np.cumsum(negative[:, ::-1], axis=1)
    precision = np.divide(true, flagged, out=np.zeros_like(true), where=flagged > 0)
    result: np.ndarray = (precision * positive[:, ::-1]).sum(axis=1) / positive.sum(axis=1)
    return result


def log_loss(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean negative log likelihood, in nats."""
    clipped = np.clip(scores, 1e-7, 1.0 - 1e-7)
    losses = -np.log(np.where(labels == 1, clipped, 1.0 - clipped))
    return weighted_mean(losses, weights)


def brier(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean squared error of the probability."""
    return weighted_mean((scores - labels) ** 2, weights)


def recall_at(rate: float, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Largest share of positives found by a threshold that flags at most this share of the negatives.

    Args:
        rate: The share of negatives that may be flagged.
        labels: `(rows,)` 0 or 1.
        scores: `(rows,)` probabilities.
        weights: `(resamples, rows)` how often each row is drawn.
    """
    positive, negative = _by_score(labels, scores, weights)
    true = np.cumsum(positive[:, ::-1], axis=1) / positive.sum(axis=1, keepdims=True)
    false = np.cumsum(negative[:, ::-1], axis=1) / negative.sum(axis=1, keepdims=True)
    # Sums of weights are whole numbers; their quotients may miss the rate by a rounding.
    result: np.ndarray = np.where(false <= rate + 1e-12, true, 0.0).max(axis=1)
    return result


def accuracy(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of rows whose likeliest class is the right one."""
    return weighted_mean(probabilities.argmax(axis=1) == labels, weights)


def macro_f1(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over the classes that occur of the harmonic mean of precision and recall."""
    classes = np.arange(probabilities.shape[1])
    actual = labels[:, None] == classes
    predicted = probabilities.argmax(axis=1)[:, None] == classes
    hits, said, there = (weights @ item for item in (actual & predicted, predicted, actual))
    scores = np.divide(2.0 * hits, said + there, out=np.zeros_like(hits), where=said + there > 0)
    result: np.ndarray = (scores * (there > 0)).sum(axis=1) / (there > 0).sum(axis=1)
    return result


def class_log_loss(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean negative log likelihood of the right class, in nats."""
    losses = -np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1.0))
    return weighted_mean(losses, weights)


SHARE, LOSS = (0.0, 1.0), (0.0, math.inf)
DETECTION = (
    Metric(
        "roc_auc",
        "ROC-AUC",
        roc_auc,
        True,
        DETECTION_VIEW,
        test=DELONG,
        bounds=SHARE,
        margin=0.005,
        tfma="AUC",
        second_opinion="auc",
    ),
    Metric(
        "average_precision",
        "Average precision",
        average_precision,
        True,
        DETECTION_VIEW,
        bounds=SHARE,
        margin=0.01,
        tfma="AUCPrecisionRecall",
    ),
    Metric(
        "log_loss",
        "Log loss",
        log_loss,
        False,
        DETECTION_VIEW,
        bounds=LOSS,
        of_probabilities=True,
        tfma="BinaryCrossEntropy",
    ),
    Metric("brier", "Brier score", brier, False, DETECTION_VIEW, bounds=SHARE, of_probabilities=True),
)
CLASSES = (
    Metric(
        "accuracy",
        "Accuracy",
        accuracy,
        True,
        CLASSES_VIEW,
        test=MCNEMAR,
        bounds=SHARE,
        margin=0.005,
        tfma="SparseCategoricalAccuracy",
        second_opinion="sparse_categorical_accuracy",
    ),
    Metric("macro_f1", "Macro F1", macro_f1, True, EACH_CLASS_VIEW, bounds=SHARE, margin=0.01),
    Metric(
        "class_log_loss",
        "Log loss of classes",
        class_log_loss,
        False,
        CLASSES_VIEW,
        bounds=LOSS,
        of_probabilities=True,
        tfma="SparseCategoricalCrossentropy",
    ),
)
RECALL = "recall_at_false_alarm_rate"


def recall_metric(rate: float) -> Metric:
    """The recall where at most this share of the negatives is flagged."""
    title = f"Recall at {100 * rate:g} % false alarms"
    # It hangs on the few negative rows about the threshold: of fifty rows, on one.
    view = replace(DETECTION_VIEW, telling=lambda labels: int(rate * (labels == 0).sum()))
    return Metric(RECALL, title, partial(recall_at, rate), True, view, bounds=SHARE, margin=0.02)


def _by_score(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of positives and of negatives at each distinct score, ascending: `(resamples, scores)`."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    ordered = weights[:, order]
    is_positive = labels[order] == 1
    positive = np.add.reduceat(np.where(is_positive, ordered, 0.0), starts, axis=1)
    negative = np.add.reduceat(np.where(is_positive, 0.0, ordered), starts, axis=1)
    return positive, negative
