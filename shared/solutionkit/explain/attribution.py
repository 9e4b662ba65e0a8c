"""What an explanation is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Attribution:
    """Contributions of columns, or of places in an image, to predictions.

    Attributes:
        values: `(rows, columns)` in `Task.margin_unit`, columns as in `TableSpec.model_columns`;
            or `(rows, places, places)`.
        base: `(rows,)` what the contributions start from.
        output: `(rows,)` what they end at, see `Task.margin`.
        halves: `(2, rows, …)` the same values from either half of what was drawn at random; None where
            nothing was, or nobody kept them.
    """

    values: np.ndarray
    base: np.ndarray
    output: np.ndarray
    halves: np.ndarray | None = None

    @property
    def residual(self) -> np.ndarray:
        """`(rows,)` what base and contributions miss of the output; 0 for an exact method."""
        missed: np.ndarray = self.output - self.base - self.values.reshape(len(self.values), -1).sum(axis=1)
        return missed

    def take(self, rows: slice) -> Attribution:
        """The given rows."""
        halves = None if self.halves is None else self.halves[:, rows]
        return Attribution(self.values[rows], self.base[rows], self.output[rows], halves)

    @property
    def reliability(self) -> float | None:
        """How much alike the values of another draw would be: mean correlation within a row, at most 1.

        That of both halves, carried to the whole (C. Spearman and W. Brown, British Journal of Psychology 3,
        1910). None where there are no halves, or no row's values differ.
        """
        if self.halves is None:
            return None
        first, second = (half.reshape(len(self.values), -1) for half in self.halves)
        telling = (first.std(axis=1) > 0.0) & (second.std(axis=1) > 0.0)
        if not telling.any():
            return None
        found = [np.corrcoef(ours, theirs)[0, 1] for ours, theirs in zip(first, second, strict=True)]
        half = float(np.mean(np.array(found)[telling]))
        return 2.0 * half / (1.0 + half) if half > 0.0 else half
