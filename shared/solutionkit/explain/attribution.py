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
    """

    values: np.ndarray
    base: np.ndarray
    output: np.ndarray

    @property
    def residual(self) -> np.ndarray:
        """`(rows,)` what base and contributions miss of the output; 0 for an exact method."""
        missed: np.ndarray = self.output - self.base - self.values.reshape(len(self.values), -1).sum(axis=1)
        return missed

    def take(self, rows: slice) -> Attribution:
        """The given rows."""
        return Attribution(self.values[rows], self.base[rows], self.output[rows])
