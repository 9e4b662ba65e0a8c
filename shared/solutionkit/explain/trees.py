"""SHAP values of boosted trees: exact, in the interventional game (`tree_game`)."""

from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.attribution import Attribution
from solutionkit.explain.background import drawn_background
from solutionkit.explain.tree_game import TreeGame
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.gradient_boosting import BOOSTER_FILE, design_matrix, players


class TreeExplanation:
    """Shapley values of columns that come from background rows where they are left out.

    Following the paths of the trees instead would answer another question than the network's explanation
    does, and the two could not be compared.

    Attributes:
        background: `(others, …)` by kind of column: the rows compared with.

    Args:
        folder: Holds a LightGBM model in its text format, and background rows.
        spec: What is predicted.
    """

    method = "exact interventional Shapley values"

    def __init__(self, folder: Path, spec: TableSpec) -> None:
        self._task = spec.task
        self._booster = lightgbm.Booster(model_file=str(folder / BOOSTER_FILE))
        self.background = drawn_background(folder)
        rows = TransformedSplit(self.background, np.zeros(len(next(iter(self.background.values())))))
        self._matrix = design_matrix(rows)
        self._game = TreeGame.of(self._booster, players(rows))

    def explain(self, rows: TransformedSplit, targets: np.ndarray) -> Attribution:
        """Contributions of each column to each row's `Task.margin` of its target."""
        matrix = design_matrix(rows)
        halves = np.stack(
            [
                self._task.margin_of_raw(self._game.values(matrix, self._matrix[start::2]), targets)
                for start in (0, 1)
            ]
        )
        base = self._raw(self._matrix).mean(axis=0)
        return Attribution(
            halves.mean(axis=0),
            self._task.margin_of_raw(np.tile(base, (len(rows), 1)), targets),
            self._task.margin_of_raw(self._raw(matrix), targets),
            halves,
        )

    def margins(self, rows: TransformedSplit, targets: np.ndarray) -> np.ndarray:
        """`(rows,)` each row's `Task.margin` of its target."""
        return self._task.margin_of_raw(self._raw(design_matrix(rows)), targets)

    def _raw(self, matrix: np.ndarray) -> np.ndarray:
        """`(rows, outputs)` sums of leaves."""
        raw = self._booster.predict(matrix, raw_score=True)
        return np.asarray(raw).reshape(len(matrix), self._task.outputs)
