"""Columns that tell the label all alone: nearly always the label in another dress."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy import stats

from solutionkit.examples.columns import TableSpec

# No column that is known beforehand orders rows this well.
SUSPICIOUS_ROC_AUC = 0.999
# Of each class.
MOST_ROWS = 100_000


def telltale_problems(table: pa.Table, labels: np.ndarray, spec: TableSpec, trusted: list[str]) -> list[str]:
    """One sentence a column that orders the rows by their label all alone.

    Args:
        table: Typed columns of the training rows.
        labels: `(rows,)` class ids.
        spec: What the columns are.
        trusted: Columns that the declaration names as features.
    """
    random = np.random.default_rng(0)
    positives, others = np.flatnonzero(labels > 0), np.flatnonzero(labels == 0)
    drawn = np.concatenate([random.permutation(item)[:MOST_ROWS] for item in (positives, others)])
    drawn = random.permutation(drawn)
    positive = labels[drawn] > 0
    if not 0 < positive.sum() < len(positive):
        return []
    problems = []
    for feature in (*spec.numeric, *spec.categorical):
        if feature.name in trusted:
            continue
        column = table[feature.name].take(pa.array(drawn))
        if feature.kind == "numeric":
            area = _either_way(positive, column.to_numpy(zero_copy_only=False).astype(float))
        else:
            # Each value's share of positives is learned on every other row and judged on the rest.
            codes = column.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy() + 1
            counts = np.bincount(codes[::2], minlength=codes.max() + 1)
            share = np.bincount(codes[::2], positive[::2], codes.max() + 1) / np.maximum(counts, 1)
            area = roc_auc(positive[1::2], share[codes[1::2]])
        if area >= SUSPICIOUS_ROC_AUC:
            problems.append(
                f"the column '{feature.name}' tells '{spec.label}' all alone (ROC-AUC {area:.4f}): was it"
                " written down afterwards? List it under columns.ignore; if it is known beforehand, under"
                f" columns.{feature.kind}"
            )
    return problems


def _either_way(positive: np.ndarray, values: np.ndarray) -> float:
    """The larger area of ascending and descending values, missing ones at either end."""
    known = [np.where(np.isnan(values), end, values) for end in (-np.inf, np.inf)]
    areas = [roc_auc(positive, item) for item in known[: 2 if np.isnan(values).any() else 1]]
    return max(*areas, *(1.0 - area for area in areas))


def roc_auc(positive: np.ndarray, values: np.ndarray) -> float:
    """Chance that a positive row has the larger value; ties count half. One half where a class is missing."""
    count = int(positive.sum())
    if count in {0, len(positive)}:
        return 0.5
    ranks = stats.rankdata(values)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))
