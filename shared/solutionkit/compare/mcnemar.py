"""McNemar's test: do two classifiers err equally often on the same rows?

Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
Psychometrika 12 (1947). The interval inverts the very same score test, so that the two never contradict each
other: T. Tango, "Equivalence test and confidence interval for the difference in proportions for the
paired-sample design", Statistics in Medicine 17 (1998).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from solutionkit.compare.inference import LEVEL, Difference, Spread


@dataclass(frozen=True)
class McNemar(Difference):
    """The second classifier's accuracy minus the first one's.

    Attributes:
        only_first: Rows that only the first one gets right.
        only_second: Rows that only the second one gets right.
        rows: All rows.
    """

    only_first: int
    only_second: int
    rows: int

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray) -> McNemar:
        """Count.

        Args:
            first: `(rows,)` whether the first classifier is right.
            second: `(rows,)` whether the second one is.
        """
        count = len(first)
        one, other = int((first & ~second).sum()), int((second & ~first).sum())
        value = (other - one) / count
        error = float(np.sqrt(max((one + other) / count - value**2, 0.0) / count))
        return cls(value, Spread(error, count), one, other, count)

    def score(self, difference: float) -> float:
        """How many standard errors the accuracies lie from such a true difference.

        The variance is that under the true difference, at the likeliest share of rows that only the first
        one gets right (Tango 1998, equations 4 to 6).
        """
        n, b, c = self.rows, self.only_second, self.only_first
        linear = -b - c + (2 * n - b + c) * difference
        square = max(linear**2 + 8 * n * c * difference * (1.0 - difference), 0.0)
        share = (np.sqrt(square) - linear) / (4 * n)
        variance = n * (2.0 * share + difference * (1.0 - difference))
        missed = b - c - n * difference
        if variance <= 0.0:
            return 0.0 if missed == 0.0 else float(np.copysign(np.inf, missed))
        return float(missed / np.sqrt(variance))

    def interval(self, level: float = 1.0 - LEVEL) -> tuple[float, float]:
        """The differences that the test does not refuse."""
        wanted = float(stats.norm.isf((1.0 - level) / 2.0))
        edge = 1.0 - 1e-12
        ends = []
        for side, far in ((wanted, -edge), (-wanted, edge)):
            if (self.score(far) - side) * (self.score(self.value) - side) >= 0.0:
                ends.append(float(np.sign(far)))
            else:
                ends.append(
                    float(
                        optimize.brentq(
                            lambda at, side=side: self.score(at) - side, *sorted((far, self.value))
                        )
                    )
                )
        return ends[0], ends[1]

    @property
    def p_value(self) -> float:
        """Two-sided."""
        return float(2.0 * stats.norm.sf(abs(self.score(0.0))))

    def below(self, margin: float) -> float:
        """One-sided p-value of a difference that is no lower than minus a margin."""
        return float(stats.norm.cdf(self.score(-margin)))

    def turned(self) -> McNemar:
        """The first one's accuracy minus the second one's."""
        return McNemar(-self.value, self.spread, self.only_second, self.only_first, self.rows)

    def varied_by(self, other: Spread) -> Difference:
        """As wide as the interval is, and then by the other chance."""
        return self if other.error == 0.0 else self._wide().varied_by(other)

    @property
    def detectable(self) -> float:
        """The least true difference that this many rows would tell four times out of five."""
        return self._wide().detectable

    def times_needed(self, difference: float) -> float:
        """How many times as many rows would tell a difference four times out of five."""
        return self._wide().times_needed(difference)

    def _wide(self) -> Difference:
        """With an error as wide as the interval is: where both err alike its own estimate would be none."""
        low, high = self.interval()
        return Difference(self.value, self.spread.at_least((high - low) / 2.0))
