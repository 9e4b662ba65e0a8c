"""McNemar's exact test: do two classifiers err equally often on the same rows?

Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
Psychometrika 12 (1947); exact, by the binomial distribution of the rows that only one of them gets right.
"""

from __future__ import annotations

import numpy as np
from scipy import stats


def mcnemar_p(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p-value.

    Args:
        first: `(rows,)` whether the first classifier is right.
        second: `(rows,)` whether the second one is.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second, 0.5).pvalue)
