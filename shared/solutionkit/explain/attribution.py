"""What an explanation is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Attribution:
    """Contributions of columns, or of places in an image, to predictions.

    Attributes:
        values: `(rows, columns)` in log odds, columns as in `TableSpec.model_columns`;
            or `(rows, places, places)`.
        base: `(rows,)` the expected log odds that the contributions start from.
        output: `(rows,)` the model's log odds.
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
