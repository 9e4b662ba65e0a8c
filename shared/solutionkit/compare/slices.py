"""The primary metric within the values of declared columns, with n and interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from solutionkit.compare.bootstrap import Estimate, interval, paired_draws
from solutionkit.compare.delong import delong
from solutionkit.compare.metrics import Metric, detected

FEWEST_ROWS = 30
FEWEST_OF_A_CLASS = 5
MOST_VALUES = 12


def slice_values(column: np.ndarray) -> np.ndarray:
    """`(rows,)` text that names each row's slice; numbers are cut at their quartiles."""
    if column.dtype.kind == "f":
        if len(np.unique(column[~np.isnan(column)])) > MOST_VALUES:
            edges = np.nanquantile(column, [0.25, 0.5, 0.75])
            names = [f"below {edges[0]:g}", f"{edges[0]:g} to {edges[1]:g}"]
            names += [f"{edges[1]:g} to {edges[2]:g}", f"from {edges[2]:g}"]
            named = np.array(names, object)[np.searchsorted(edges, column, side="right").clip(0, 3)]
        else:
            named = np.array([f"{value:g}" for value in column], object)
        return np.where(np.isnan(column), "missing", named)
    return np.where(column == "", "missing", column)


def compare_slices(
    columns: dict[str, np.ndarray],
    labels: np.ndarray,
    probabilities: dict[str, np.ndarray],
    metric: Metric,
    seed: int,
    groups: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """One entry a slice: column, value, n, positives and each model's metric with its interval.

    Slices too small to say anything are listed with their n and no metric.
    """
    found = []
    for name, column in columns.items():
        values = slice_values(column)
        counts = {value: int((values == value).sum()) for value in np.unique(values)}
        for value in sorted(counts, key=lambda key: (-counts[key], key))[:MOST_VALUES]:
            rows = values == value
            entry: dict[str, Any] = {"column": name, "value": str(value), "n": counts[value]}
            entry["positives"] = int(detected(labels[rows]).sum())
            if counts[value] >= FEWEST_ROWS and _has_both(labels[rows], metric):
                within = {model: item[rows] for model, item in probabilities.items()}
                codes = None if groups is None else np.unique(groups[rows], return_inverse=True)[1]
                estimates = estimate(metric, labels[rows], within, seed, codes)
                entry |= {model: item.to_json() for model, item in estimates.items()}
            found.append(entry)
    return found


def _has_both(labels: np.ndarray, metric: Metric) -> bool:
    """Whether there are enough positives and negatives, for a metric that looks at them."""
    if metric.view == "classes":
        return True
    positives = int(detected(labels).sum())
    return min(positives, len(labels) - positives) >= FEWEST_OF_A_CLASS


def estimate(
    metric: Metric,
    labels: np.ndarray,
    probabilities: dict[str, np.ndarray],
    seed: int,
    groups: np.ndarray | None = None,
) -> dict[str, Estimate]:
    """Each model's metric with its interval, by DeLong for ROC-AUC and by bootstrap otherwise.

    Rows of a group are not independent, which DeLong presumes; the bootstrap can draw whole groups.
    """
    if metric.name == "roc_auc" and groups is None:
        scores = np.stack([metric.scores(item) for item in probabilities.values()])
        result = delong(metric.labels(labels), scores)
        return {
            name: Estimate(float(result.auc[i]), *result.interval(i)) for i, name in enumerate(probabilities)
        }
    draws = paired_draws(metric, labels, list(probabilities.values()), seed, groups)
    return {
        name: interval(metric.value(labels, item), draws[i])
        for i, (name, item) in enumerate(probabilities.items())
    }
