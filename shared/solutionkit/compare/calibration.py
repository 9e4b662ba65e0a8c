"""Do predicted probabilities happen as often as they say?"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

BINS, POINTS = 10, 50
# Rows are pooled into so many groups of neighbouring scores where chance is simulated.
POOLS, SIMULATIONS = 1000, 200


def calibration(labels: np.ndarray, scores: np.ndarray, bins: int = BINS, seed: int = 0) -> dict[str, Any]:
    """The reliability curve and its mean gap, beside what chance alone would show of perfect probabilities.

    The curve is the isotonic regression of the labels on the scores, with the parts of the Brier score that
    it tells apart and a band in which 90 % of curves of perfect probabilities lie at each point (CORP: T.
    Dimitriadis, T. Gneiting, A. Jordan, "Stable reliability diagrams for probabilistic classifiers", PNAS
    118, 2021).

    Args:
        labels: `(rows,)` of 0 and 1.
        scores: `(rows,)` probabilities.
        bins: How many bins of equal size the mean gap is of.
        seed: Of the simulation.

    Returns:
        `expected_calibration_error` (the mean absolute gap weighted by rows); `by_chance`, its `mean` and
        `high` (95 %) were the probabilities perfect; `bins`, each with `n`, mean `predicted`, `observed`
        share and the share's 95 % Wilson interval `low`, `high`; `corp`: `miscalibration`,
        `discrimination`, `uncertainty` (the Brier score is the first minus the second plus the third), and
        the `curve`'s points `predicted`, `observed`, `low`, `high`.
    """
    position = np.searchsorted(_edges(scores, bins), scores, side="right")
    curve = []
    for value in np.unique(position):
        rows = position == value
        observed = float(labels[rows].mean())
        low, high = wilson(int(labels[rows].sum()), int(rows.sum()))
        curve.append(
            {
                "n": int(rows.sum()),
                "predicted": float(scores[rows].mean()),
                "observed": observed,
                "low": low,
                "high": high,
            }
        )
    pools = np.searchsorted(_edges(scores, POOLS), scores, side="right")
    chance = _Chance(scores, pools, seed)
    gaps = chance.gaps(position)
    return {
        "expected_calibration_error": _gap(labels, scores, position),
        "by_chance": {"mean": float(gaps.mean()), "high": float(np.quantile(gaps, 0.95))},
        "bins": curve,
        "corp": _corp(labels, scores, chance),
    }


def _edges(scores: np.ndarray, bins: int) -> np.ndarray:
    return np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1]))


def _gap(labels: np.ndarray, scores: np.ndarray, position: np.ndarray) -> float:
    sums = np.bincount(position, weights=labels - scores)
    return float(np.abs(sums).sum() / len(labels))


class _Chance:
    """Labels that were drawn as the scores say.

    Args:
        scores: `(rows,)` probabilities.
        pools: `(rows,)` codes of groups of neighbouring scores.
        seed: Of the draws.
    """

    def __init__(self, scores: np.ndarray, pools: np.ndarray, seed: int) -> None:
        self._scores, self._pools = scores, pools
        self.counts = np.bincount(pools)
        self.sums = np.bincount(pools, weights=scores)
        self.means = self.sums / np.maximum(self.counts, 1)
        random = np.random.default_rng(seed)
        self.positives = random.binomial(
            self.counts, np.clip(self.means, 0.0, 1.0), (SIMULATIONS, len(self.counts))
        )

    def gaps(self, position: np.ndarray) -> np.ndarray:
        """`(simulations,)` mean gaps over bins, of which each holds whole pools but for its edges.

        Args:
            position: `(rows,)` codes of bins.
        """
        of_pool = np.zeros(len(self.counts), np.int64)
        of_pool[self._pools] = position
        missed = self.positives - self.sums
        sums = np.stack([missed[:, of_pool == value].sum(axis=1) for value in np.unique(of_pool)], axis=1)
        gaps: np.ndarray = np.abs(sums).sum(axis=1) / len(self._scores)
        return gaps


def _corp(labels: np.ndarray, scores: np.ndarray, chance: _Chance) -> dict[str, Any]:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, labels)
    recalibrated = fitted.predict(scores)
    share = labels.mean()
    brier, best, ignorant = (
        float(np.mean((said - labels) ** 2)) for said in (scores, recalibrated, np.full(len(labels), share))
    )
    points = np.unique(np.quantile(scores, np.linspace(0.0, 1.0, POINTS)))
    there = chance.counts > 0
    means, weights = chance.means[there], chance.counts[there]
    drawn = np.stack(
        [
            IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
            .fit(means, positives[there] / weights, sample_weight=weights)
            .predict(points)
            for positives in chance.positives
        ]
    )
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    columns = {"predicted": points, "observed": fitted.predict(points), "low": low, "high": high}
    return {
        "miscalibration": brier - best,
        "discrimination": ignorant - best,
        "uncertainty": ignorant,
        "curve": [
            {name: round(float(values[place]), 5) for name, values in columns.items()}
            for place in range(len(points))
        ],
    }


def wilson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (E. Wilson, JASA 22, 1927)."""
    z = stats.norm.ppf(0.5 + level / 2)
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))
