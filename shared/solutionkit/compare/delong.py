"""DeLong's test: intervals of ROC-AUCs and of their difference on the same rows.

E. DeLong, D. DeLong, D. Clarke-Pearson, "Comparing the areas under two or more correlated receiver
operating characteristic curves", Biometrics 44 (1988); computed by mid-ranks as in X. Sun and
W. Xu, "Fast implementation of DeLong's algorithm", IEEE Signal Processing Letters 21 (2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from solutionkit.compare.bootstrap import Units
from solutionkit.compare.inference import Difference, Estimate, Spread


@dataclass(frozen=True)
class DeLong:
    """ROC-AUCs of several models on the same rows, and their covariance.

    Attributes:
        auc: `(models,)`.
        covariance: `(models, models)`.
        units: Rows of both classes.
    """

    auc: np.ndarray
    covariance: np.ndarray
    units: Units

    def spread(self, weights: np.ndarray) -> Spread:
        """Of a linear combination of the AUCs."""
        variance = float(weights @ self.covariance @ weights)
        error = float(np.sqrt(variance)) if variance > 1e-18 else 0.0
        return Spread(error, self.units.fewest, self.units.degrees)

    def estimate(self, model: int) -> Estimate:
        """A model's AUC; its interval is symmetric on the scale of log odds and so within 0 and 1."""
        return self.spread(np.eye(len(self.auc))[model]).estimate(float(self.auc[model]), (0.0, 1.0))

    def difference(self) -> Difference:
        """The second model's AUC minus the first one's."""
        return Difference(float(self.auc[1] - self.auc[0]), self.spread(np.array([-1.0, 1.0])))


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
    return DeLong(auc, covariance, Units.of(labels, None))


def _covariance(components: np.ndarray) -> np.ndarray:
    if components.shape[1] < 2:
        return np.zeros((len(components), len(components)))
    return np.atleast_2d(np.cov(components))
