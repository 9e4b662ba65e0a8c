"""Metrics of binary classifiers, each for many bootstrap weightings of the rows at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solutionkit.errors import UserError, suggestion

# `(labels, scores, weights) -> (resamples,)`; labels and scores `(rows,)`, weights `(resamples, rows)`.
WeightedMetric = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Metric:
    """A metric and how to read it.

    Attributes:
        title: What people call it.
        function: Its values under several weightings of the rows.
        higher_is_better: The direction.
    """

    title: str
    function: WeightedMetric
    higher_is_better: bool

    def value(self, labels: np.ndarray, scores: np.ndarray) -> float:
        """The metric of unweighted rows."""
        return float(self.function(labels, scores, np.ones((1, len(labels))))[0])


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


METRICS = {
    "roc_auc": Metric("ROC-AUC", roc_auc, higher_is_better=True),
    "average_precision": Metric("Average precision", average_precision, higher_is_better=True),
    "log_loss": Metric("Log loss", log_loss, higher_is_better=False),
    "brier": Metric("Brier score", brier, higher_is_better=False),
}


def refuse_unknown_thresholds(thresholds: dict[str, float]) -> None:
    """Raise a UserError for a threshold on a metric that there is not."""
    for name in thresholds:
        if name not in METRICS:
            raise UserError(
                f"use_case.toml: unknown metric 'thresholds.{name}'{suggestion(name, METRICS)};"
                f" known are {', '.join(METRICS)}"
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
