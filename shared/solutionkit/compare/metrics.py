"""Metrics of classifiers, each for many bootstrap weightings of the rows at once.

A metric reads one of two views of the same predictions: "detection" asks whether a row is positive, that is
of any class but the first, and how sure the model is of that; "classes" asks which class it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from solutionkit.compare.money import FALSE_ALARM_RATE
from solutionkit.declaration import Declaration
from solutionkit.errors import UserError, suggestion

# `(labels, scores, weights) -> (resamples,)`, weights `(resamples, rows)`. Of the view "detection", labels
# are `(rows,)` of 0 and 1, scores `(rows,)`; of "classes" they are class ids, and `(rows, classes)`.
WeightedMetric = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Metric:
    """A metric and how to read it.

    Attributes:
        name: Its key in `comparison.json`.
        title: What people call it.
        function: Its values under several weightings of the rows.
        higher_is_better: The direction.
        view: What it reads.
    """

    name: str
    title: str
    function: WeightedMetric
    higher_is_better: bool
    view: Literal["detection", "classes"] = "detection"

    def labels(self, labels: np.ndarray) -> np.ndarray:
        """Class ids as the metric reads them."""
        return detected(labels) if self.view == "detection" else labels

    def scores(self, probabilities: np.ndarray) -> np.ndarray:
        """`(rows, outputs)` probabilities as the metric reads them."""
        reads_one = self.view == "detection"
        return detection_scores(probabilities) if reads_one else class_probabilities(probabilities)

    def value(self, labels: np.ndarray, probabilities: np.ndarray) -> float:
        """The metric of unweighted rows: `(rows,)` class ids and `(rows, outputs)` probabilities."""
        everything = np.ones((1, len(labels)))
        return float(self.function(self.labels(labels), self.scores(probabilities), everything)[0])


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
    result: np.ndarray = weights @ losses / weights.sum(axis=1)
    return result


def brier(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean squared error of the probability."""
    result: np.ndarray = weights @ (scores - labels) ** 2 / weights.sum(axis=1)
    return result


def recall_at(rate: float, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Largest share of positives found by a threshold that flags at most this share of the negatives."""
    positive, negative = _by_score(labels, scores, weights)
    true = np.cumsum(positive[:, ::-1], axis=1) / positive.sum(axis=1, keepdims=True)
    false = np.cumsum(negative[:, ::-1], axis=1) / negative.sum(axis=1, keepdims=True)
    # Sums of weights are whole numbers; their quotients may miss the rate by a rounding.
    result: np.ndarray = np.where(false <= rate + 1e-12, true, 0.0).max(axis=1)
    return result


def accuracy(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of rows whose likeliest class is the right one."""
    result: np.ndarray = weights @ (probabilities.argmax(axis=1) == labels) / weights.sum(axis=1)
    return result


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
    result: np.ndarray = weights @ losses / weights.sum(axis=1)
    return result


DETECTION = (
    Metric("roc_auc", "ROC-AUC", roc_auc, higher_is_better=True),
    Metric("average_precision", "Average precision", average_precision, higher_is_better=True),
    Metric("log_loss", "Log loss", log_loss, higher_is_better=False),
    Metric("brier", "Brier score", brier, higher_is_better=False),
)
CLASSES = (
    Metric("accuracy", "Accuracy", accuracy, higher_is_better=True, view="classes"),
    Metric("macro_f1", "Macro F1", macro_f1, higher_is_better=True, view="classes"),
    Metric("class_log_loss", "Log loss of classes", class_log_loss, higher_is_better=False, view="classes"),
)
RECALL = "recall_at_false_alarm_rate"
OF_PROBABILITIES = {"log_loss", "brier", "class_log_loss"}
# Of alerts, see `alerts`.
CARD_PRECISION, ALERT_RECALL = "card_precision_at_budget", "recall_at_alert_budget"
KNOWN = (*(metric.name for metric in (*DETECTION, *CLASSES)), RECALL, CARD_PRECISION, ALERT_RECALL)


def metrics_for(
    classes: int, detects: bool, false_alarm_rate: float | None, calibrated: bool = True
) -> dict[str, Metric]:
    """The metrics that mean something for a label, by name.

    Args:
        classes: How many values the label has.
        detects: Whether the first one means that nothing was found.
        false_alarm_rate: The rate at which the recall is wanted, if it is.
        calibrated: Whether models' outputs are meant as probabilities, which log losses judge.
    """
    metrics = [*(CLASSES if classes > 2 else ()), *(DETECTION if detects else ())]
    if detects and false_alarm_rate is not None:
        title = f"Recall at {100 * false_alarm_rate:g} % false alarms"
        metrics.append(Metric(RECALL, title, partial(recall_at, false_alarm_rate), higher_is_better=True))
    return {metric.name: metric for metric in metrics if calibrated or metric.name not in OF_PROBABILITIES}


def recall_rate(declaration: Declaration) -> float | None:
    """The false-alarm rate at which the recall is wanted: where one is declared, and of images."""
    if declaration.business and declaration.business.false_alarm_rate is not None:
        return declaration.business.false_alarm_rate
    return FALSE_ALARM_RATE if declaration.columns.image else None


def refuse_unknown_thresholds(thresholds: dict[str, float], known: Iterable[str] = KNOWN) -> None:
    """Raise a UserError for a threshold on a metric that there is not."""
    known = list(known)
    for name in thresholds:
        if name in {CARD_PRECISION, ALERT_RECALL} and name not in known:
            raise UserError(f"use_case.toml: 'thresholds.{name}' needs business.alert_budget")
        if name in KNOWN and name not in known:
            raise UserError(
                f"use_case.toml: 'thresholds.{name}' means nothing for this label; remove it, or bound one of"
                f" {', '.join(known)}"
            )
        if name not in known:
            raise UserError(
                f"use_case.toml: unknown metric 'thresholds.{name}'{suggestion(name, known)};"
                f" known are {', '.join(known)}"
            )


def _by_score(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of positives and of negatives at each distinct score, ascending: `(resamples, scores)`."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    ordered = weights[:, order]
    is_positive = labels[order] == 1
    positive = np.add.reduceat(np.where(is_positive, ordered, 0.0), starts, axis=1)
    negative = np.add.reduceat(np.where(is_positive, 0.0, ordered), starts, axis=1)
    return positive, negative
