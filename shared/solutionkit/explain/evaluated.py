"""What every explanation of a run is given: the models, and the evaluation rows they are explained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solutionkit.compare.decision import Decision
from solutionkit.examples.columns import TableSpec
from solutionkit.explain.loading import ModelExplainer


@dataclass(frozen=True)
class EvaluatedModels:
    """Models on the evaluation rows.

    Attributes:
        examples: `(rows,)` serialized tf.Examples.
        labels: `(rows,)` encoded labels, or `(rows, numbers)` where a label is several.
        ids: What to call each row.
        explainers: By model name.
        outputs: `(rows, outputs)` by model name.
        selected: The model whose single rows are shown, and whose answers are explained.
        decision: When that model flags a row, if it does.
        seed: Draws the rows of the global view.
        units: `(rows,)` codes of rows that resemble each other, if there are such.
    """

    examples: np.ndarray
    labels: np.ndarray
    ids: list[str]
    explainers: dict[str, ModelExplainer]
    outputs: dict[str, np.ndarray]
    selected: str
    decision: Decision | None
    seed: int
    units: np.ndarray | None = None

    @property
    def spec(self) -> TableSpec:
        """What the columns are, the same for all models."""
        return next(iter(self.explainers.values())).spec
