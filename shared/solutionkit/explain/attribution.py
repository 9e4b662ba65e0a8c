"""What an explanation is, and how one is loaded beside an exported model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from solutionkit.models.arrays import TableArrays


@dataclass(frozen=True)
class Attribution:
    """Contributions of columns to predictions.

    Attributes:
        values: `(rows, columns)` in log odds, columns as in `TableSpec.model_columns`.
        base: The expected log odds that the contributions start from.
        output: `(rows,)` the model's log odds.
    """

    values: np.ndarray
    base: float
    output: np.ndarray

    @property
    def residual(self) -> np.ndarray:
        """`(rows,)` what base and contributions miss of the output; 0 for an exact method."""
        missed: np.ndarray = self.output - self.base - self.values.sum(axis=1)
        return missed


class Explainer(Protocol):
    """Explains rows of transformed columns."""

    method: str

    def explain(self, rows: TableArrays) -> Attribution:
        """Contributions of each column to each row's log odds."""
        ...


def load_explainer(folder: Path) -> Explainer:
    """The explainer for the files that a training function saved for it.

    Args:
        folder: `assets.extra/explanation` of an exported model.
    """
    from solutionkit.explain.expected_gradients import ExpectedGradients
    from solutionkit.explain.trees import TreeExplanation
    from solutionkit.models.gradient_boosting import BOOSTER_FILE

    if (folder / BOOSTER_FILE).is_file():
        return TreeExplanation(folder / BOOSTER_FILE)
    return ExpectedGradients(folder)
