"""DeLong's test: intervals of ROC-AUCs and of their difference on the same rows.

E. DeLong, D. DeLong, D. Clarke-Pearson, "Comparing the areas under two or more correlated receiver
operating characteristic curves", Biometrics 44 (1988); computed by mid-ranks as in X. Sun and
W. Xu, "Fast implementation of DeLong's algorithm", IEEE Signal Processing Letters 21 (2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class DeLong:
    """ROC-AUCs of several models on the same rows, and their covariance.

    Attributes:
        auc: `(models,)`.
        covariance: `(models, models)`.
    """

    auc: np.ndarray
    covariance: np.ndarray

    def interval(self, model: int, level: float = 0.95) -> tuple[float, float]:
        """A model's interval, symmetric on the log-odds scale so that it stays within 0 and 1."""
        auc, variance = self.auc[model], self.covariance[model, model]
        if not 0.0 < auc < 1.0 or variance <= 0.0:
            return float(auc), float(auc)
        centre = np.log(auc / (1.0 - auc))
        half = stats.norm.ppf(0.5 + level / 2) * np.sqrt(variance) / (auc * (1.0 - auc))
        low, high = 1.0 / (1.0 + np.exp(-np.array([centre - half, centre + half])))
        return float(low), float(high)

    def difference(self, level: float = 0.95) -> tuple[float, float, float, float]:
        """`(value, low, high, p_value)` of the second model's AUC minus the first one's."""
        value = float(self.auc[1] - self.auc[0])
        variance = float(self.covariance[0, 0] + self.covariance[1, 1] - 2.0 * self.covariance[0, 1])
        if variance <= 1e-18:
            return value, value, value, 1.0 if abs(value) < 1e-12 else 0.0
        deviation = np.sqrt(variance)
        half = stats.norm.ppf(0.5 + level / 2) * deviation
        p_value = float(2.0 * stats.norm.sf(abs(value) / deviation))
        return value, float(value - half), float(value + half), p_value


def delong(labels: np.ndarray, scores: np.ndarray) -> DeLong:
    """ROC-AUCs and their covariance.

    Args:
        labels: `(rows,)` of 0 and 1, both present.
        scores: `(models, rows)`, larger means more likely 1.
    """
    scores = np.atleast_2d(scores)
    positive, negative = scores[:, labels == 1], scores[:, labels == 0]
    m, n = positive.shape[1], negative.shape[1]
    if not m or not n:
        raise ValueError(f"both classes are needed, received {m} positive and {n} negative rows")
    rank_positive = np.array([stats.rankdata(row) for row in positive])
    rank_negative = np.array([stats.rankdata(row) for row in negative])
    rank_all = np.array([stats.rankdata(row) for row in np.hstack([positive, negative])])
    auc = (rank_all[:, :m].sum(axis=1) - m * (m + 1) / 2) / (m * n)
    by_positive = (rank_all[:, :m] - rank_positive) / n
    by_negative = 1.0 - (rank_all[:, m:] - rank_negative) / m
    covariance = _covariance(by_positive) / m + _covariance(by_negative) / n
    return DeLong(auc, covariance)


def _covariance(components: np.ndarray) -> np.ndarray:
    if components.shape[1] < 2:
        return np.zeros((len(components), len(components)))
    return np.atleast_2d(np.cov(components))
