"""The area under the ROC curve by ranks, for rooms that come before the comparison."""

from __future__ import annotations

import numpy as np
from scipy import stats


def roc_auc(positive: np.ndarray, values: np.ndarray) -> float:
    """Chance that a positive row has the larger value; ties count half. One half where a class is missing.

    Args:
        positive: `(rows,)` truth values.
        values: `(rows,)` numbers.
    """
    count = int(positive.sum())
    if count in {0, len(positive)}:
        return 0.5
    ranks = stats.rankdata(values)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))
