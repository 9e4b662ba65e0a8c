"""The primary metric within the values of declared columns, with n and interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from solutionkit.compare.evaluation import EvaluationSet
from solutionkit.compare.metrics import Metric, estimates
from solutionkit.tasks.base import Scores

FEWEST_ROWS = 30
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


def compare_slices(judged: EvaluationSet, scores: Scores, metric: Metric, seed: int) -> list[dict[str, Any]]:
    """One entry a slice: column, value, n, what the task counts, and each model's metric with its interval.

    Slices too small to say anything are listed with their n and no metric.

    Args:
        judged: The evaluation rows.
        scores: `(eval rows, outputs)` by model.
        metric: What is shown.
        seed: Of the bootstrap.
    """
    compared = []
    for name, column in judged.slices.items():
        values = slice_values(column)
        counts = {value: int((values == value).sum()) for value in np.unique(values)}
        for value in sorted(counts, key=lambda key: (-counts[key], key))[:MOST_VALUES]:
            rows = values == value
            labels = judged.labels[rows]
            entry: dict[str, Any] = {"column": name, "value": str(value), "n": counts[value]}
            entry |= judged.task.slice_counts(labels)
            if counts[value] >= FEWEST_ROWS and metric.view.enough(labels):
                within = {model: item[rows] for model, item in scores.items()}
                units = judged.units
                codes = None if units is None else np.unique(units[rows], return_inverse=True)[1]
                estimated = estimates(metric, labels, within, seed, codes)
                entry |= {model: item.to_json() for model, item in estimated.items()}
            compared.append(entry)
    return compared
