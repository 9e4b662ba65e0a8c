"""The primary metric within the values of declared columns, with n and interval."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from solutionkit.compare.evaluation import EvaluationSet
from solutionkit.compare.inference import Difference, Estimate
from solutionkit.compare.metrics import Metric, difference, estimates
from solutionkit.tasks.decisions import Scores

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


@dataclass(frozen=True)
class Slice:
    """A column's value and how the models do within.

    Attributes:
        column: The column.
        value: Its value.
        rows: How many rows.
        counts: What the task counts of them.
        estimates: Each model's metric; empty where there are too few rows to say.
        differences: The second named model's minus the first one's; none where units are too few to tell.
    """

    column: str
    value: str
    rows: int
    counts: dict[str, int]
    estimates: dict[str, Estimate] = field(default_factory=dict)
    differences: dict[tuple[str, str], Difference] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.column} = {self.value}"

    def towards(self, model: str, other: str) -> Difference | None:
        """A model's metric minus another one's, where that is known."""
        if (other, model) in self.differences:
            return self.differences[other, model]
        turned = self.differences.get((model, other))
        return turned.turned() if turned else None

    def to_json(self) -> dict[str, Any]:
        """The entry of `comparison.json`."""
        entry: dict[str, Any] = {"column": self.column, "value": self.value, "n": self.rows, **self.counts}
        entry |= {model: item.to_json() for model, item in self.estimates.items()}
        if found := self.differences.get(("baseline", "deep")):
            entry["difference"] = found.to_json()
        return entry


def compare_slices(
    judged: EvaluationSet, scores: Scores, metric: Metric, seed: int, pairs: list[tuple[str, str]]
) -> list[Slice]:
    """The slices of each declared column, the largest first.

    Args:
        judged: The evaluation rows.
        scores: `(eval rows, outputs)` by model.
        metric: What is shown.
        seed: Of the bootstrap.
        pairs: Models whose differences are wanted.
    """
    compared = []
    for name, column in judged.slices.items():
        values = slice_values(column)
        counts = {value: int((values == value).sum()) for value in np.unique(values)}
        for value in sorted(counts, key=lambda key: (-counts[key], key))[:MOST_VALUES]:
            rows = values == value
            labels = judged.labels[rows]
            found = Slice(name, str(value), counts[value], judged.task.slice_counts(labels))
            if metric.of_slices and counts[value] >= FEWEST_ROWS and metric.view.enough(labels):
                within = {model: item[rows] for model, item in scores.items()}
                units = judged.units
                codes = None if units is None else np.unique(units[rows], return_inverse=True)[1]
                measured = {
                    (first, second): difference(metric, labels, within[first], within[second], seed, codes)
                    for first, second in pairs
                }
                found = replace(
                    found,
                    estimates=estimates(metric, labels, within, seed, codes),
                    differences={pair: item for pair, item in measured.items() if item.tells},
                )
            compared.append(found)
    return compared
