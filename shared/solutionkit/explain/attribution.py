"""What an explanation is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import kind_of

# Below this an explanation says more about what was drawn than about the model.
RELIABLE = 0.8


@dataclass(frozen=True)
class Attribution:
    """Contributions of columns, or of places in an image, to predictions.

    Attributes:
        values: `(rows, columns)` in `Task.margin_unit`, columns as in `TableSpec.model_columns`, of a date
            one a part until `by_column` adds them up; or `(rows, places, places)`.
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

    def by_column(self, spec: TableSpec) -> Attribution:
        """With one contribution a column of the data, where models read several numbers of one."""
        wide = [kind_of(feature).width(feature) for feature in spec.ordered]
        if set(wide) <= {1}:
            return self
        member = np.repeat(np.eye(len(wide)), wide, axis=0)
        halves = None if self.halves is None else self.halves @ member
        return replace(self, values=self.values @ member, halves=halves)

    @property
    def reliabilities(self) -> np.ndarray:
        """`(rows,)` how much alike each row's values of another draw would be: a correlation, at most 1.

        That of both halves, carried to the whole (C. Spearman and W. Brown, British Journal of Psychology 3,
        1910). NaN where there are no halves, or their values do not differ.
        """
        if self.halves is None:
            return np.full(len(self.values), np.nan)
        first, second = (half.reshape(len(self.values), -1) for half in self.halves)
        return np.array([of_the_whole(ours, theirs) for ours, theirs in zip(first, second, strict=True)])

    @property
    def reliability(self) -> float | None:
        """That of the rows together: their mean; None where nothing is known of any."""
        known = self.reliabilities[~np.isnan(self.reliabilities)]
        return float(known.mean()) if len(known) else None


def of_the_whole(first: np.ndarray, second: np.ndarray) -> float:
    """The reliability of the mean of two halves `(values,)`; NaN where neither's values differ."""
    if first.std() == 0.0 or second.std() == 0.0:
        return float("nan") if first.std() == second.std() else 0.0
    half = float(np.corrcoef(first, second)[0, 1])
    return 2.0 * half / (1.0 + half) if half > 0.0 else half
