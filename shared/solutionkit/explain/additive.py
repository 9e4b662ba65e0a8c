"""The simple model's explanation: what each column adds, less what it adds to the background's rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.attribution import Attribution
from solutionkit.explain.background import drawn_background
from solutionkit.kinds import CATEGORICAL, NUMERIC, SEQUENCE
from solutionkit.models.additive import load_additive, numbers_of
from solutionkit.models.arrays import TransformedSplit


class AdditiveExplanation:
    """Shapley values of an additive model, which are exact in closed form.

    Attributes:
        background: `(others, …)` by kind of column: the rows compared with.

    Args:
        folder: Holds the model, and background rows.
        spec: What is predicted.
    """

    method = "exact Shapley values of an additive model"

    def __init__(self, folder: Path, spec: TableSpec) -> None:
        self._task = spec.task
        self._additive = load_additive(folder)
        self.background = drawn_background(folder)
        rows = len(next(iter(self.background.values())))
        self._usual = self._added(TransformedSplit(self.background, np.zeros(rows)))

    def explain(self, rows: TransformedSplit, targets: np.ndarray) -> Attribution:
        """Contributions of each column to each row's `Task.margin` of its target."""
        added = self._added(rows)
        halves = np.stack(
            [
                self._task.margin_of_raw(added - self._usual[start::2].mean(axis=0), targets)
                for start in (0, 1)
            ]
        )
        base = self._additive.base + self._usual.mean(axis=0).sum(axis=0)
        return Attribution(
            halves.mean(axis=0),
            self._task.margin_of_raw(np.tile(base, (len(rows), 1)), targets),
            self.margins(rows, targets),
            halves,
        )

    def margins(self, rows: TransformedSplit, targets: np.ndarray) -> np.ndarray:
        """`(rows,)` each row's `Task.margin` of its target."""
        return self._task.margin_of_raw(self._additive.base + self._added(rows).sum(axis=1), targets)

    def _added(self, rows: TransformedSplit) -> np.ndarray:
        """`(rows, columns, outputs)`, columns as in `TableSpec.model_columns`: a sequence is one."""
        added = self._additive.contributions(numbers_of(rows), rows.of(CATEGORICAL).astype(np.int64))
        numeric, steps = rows.of(NUMERIC).shape[1], int(np.prod(rows.of(SEQUENCE).shape[1:]))
        parts = [added[:, :numeric], added[:, numeric + steps :]]
        if steps:
            parts.append(added[:, numeric : numeric + steps].sum(axis=1, keepdims=True))
        return np.concatenate(parts, axis=1)
