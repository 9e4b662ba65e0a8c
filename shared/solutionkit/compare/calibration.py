"""Do predicted probabilities happen as often as they say?"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

BINS = 10


def calibration(labels: np.ndarray, scores: np.ndarray, bins: int = BINS) -> dict[str, Any]:
    """The reliability curve over bins of equal size, and its mean gap.

    Args:
        labels: `(rows,)` of 0 and 1.
        scores: `(rows,)` probabilities.
        bins: How many bins.

    Returns:
        `expected_calibration_error` (the mean absolute gap weighted by rows) and `bins`, each with
        `n`, mean `predicted`, `observed` share and the share's 95 % Wilson interval `low`, `high`.
    """
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1]))
    position = np.searchsorted(edges, scores, side="right")
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
    error = sum(item["n"] * abs(item["predicted"] - item["observed"]) for item in curve) / len(labels)
    return {"expected_calibration_error": float(error), "bins": curve}


def wilson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (E. Wilson, JASA 22, 1927)."""
    z = stats.norm.ppf(0.5 + level / 2)
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))
