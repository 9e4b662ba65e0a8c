"""Intervals and p-values that keep their level, however few units there are.

A standard error comes from whole units (`bootstrap`), its reference is Student's t with as many degrees of
freedom as the scarcest kind of unit allows: ten positives among a thousand rows are ten. Where a test has a
reference of its own (`mcnemar`), interval and p-value still come from one and the same. C. Cameron,
J. Gelbach, D. Miller, "Bootstrap-based improvements for inference with clustered errors", Review of
Economics and Statistics 90 (2008); R. Ibragimov, U. Mueller, "t-statistic based correlation and
heterogeneity robust inference", Journal of Business & Economic Statistics 28 (2010).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from solutionkit.splits import FEWEST_UNITS

LEVEL, POWER = 0.05, 0.8


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The keys that `comparison.json` promises."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Spread:
    """How much a value would vary from one set of units to another.

    Attributes:
        error: The standard error.
        units: How many units there are, of the scarcest kind.
        degrees: Of freedom of the error.
    """

    error: float
    units: int
    degrees: float = math.inf

    def estimate(self, value: float, bounds: tuple[float, float] | None = None) -> Estimate:
        """A value with its interval, which stays within bounds.

        An interval of no width at a bound, all right or all wrong, would say that nothing else can happen;
        it gets the width that so many units leave open (C. Clopper, E. Pearson, Biometrika 26, 1934).

        Args:
            value: The value.
            bounds: The least and the most that it can be; the latter may be infinite.
        """
        if bounds is None:
            half = self._quantile(LEVEL / 2) * self.error
            return Estimate(value, value - half, value + half)
        least, most = bounds
        if not least < value < most or self.error == 0.0:
            half = self._quantile(LEVEL / 2) * self.error
            if math.isfinite(most) and not least < value < most:
                half = max(half, (most - least) * self.unseen)
            return Estimate(value, max(least, value - half), min(most, value + half))
        if math.isinf(most):
            # On the scale of logarithms.
            factor = math.exp(min(self._quantile(LEVEL / 2) * self.error / (value - least), 700.0))
            return Estimate(value, least + (value - least) / factor, least + (value - least) * factor)
        share = (value - least) / (most - least)
        half = self._quantile(LEVEL / 2) * self.error / ((most - least) * share * (1.0 - share))
        centre = math.log(share / (1.0 - share))
        low, high = (
            least + (most - least) / (1.0 + math.exp(min(-end, 700.0)))
            for end in (centre - half, centre + half)
        )
        return Estimate(value, low, high)

    @property
    def unseen(self) -> float:
        """The largest share of wrong units at which none of these is wrong in 2.5 % of draws."""
        return 1.0 - float((LEVEL / 2) ** (1.0 / max(self.units, 1)))

    def at_least(self, half: float) -> Spread:
        """The same with an interval that reaches so far either way."""
        return replace(self, error=max(self.error, half / self._quantile(LEVEL / 2)))

    def no_less(self, error: float) -> Spread:
        """The same with an error that is at least so large."""
        return replace(self, error=max(self.error, error))

    def with_another(self, other: Spread, part: float) -> Spread:
        """With a second source of chance, independent of this one.

        Args:
            other: Its spread.
            part: How much of its error counts.
        """
        squares = np.array([self.error**2, (part * other.error) ** 2])
        if squares[1] == 0.0:
            return self
        degrees = squares.sum() ** 2 / (squares**2 / [self.degrees, other.degrees]).sum()
        return Spread(float(np.sqrt(squares.sum())), min(self.units, other.units), float(degrees))

    def _quantile(self, tail: float) -> float:
        return float(stats.t.isf(tail, self.degrees))


@dataclass(frozen=True)
class Difference:
    """The second model's value minus the first one's, on the same units.

    Attributes:
        value: The difference.
        spread: Of the difference.
    """

    value: float
    spread: Spread

    def interval(self, level: float = 1.0 - LEVEL) -> tuple[float, float]:
        """The two-sided interval."""
        half = float(stats.t.isf((1.0 - level) / 2.0, self.spread.degrees)) * self.spread.error
        return self.value - half, self.value + half

    @property
    def p_value(self) -> float:
        """Of no difference, two-sided."""
        if self.spread.error == 0.0:
            return 1.0 if self.value == 0.0 else 0.0
        return float(2.0 * stats.t.sf(abs(self.value) / self.spread.error, self.spread.degrees))

    @property
    def tells(self) -> bool:
        """Whether there are units enough for a verdict."""
        return self.spread.units >= FEWEST_UNITS

    def turned(self) -> Difference:
        """The first model's value minus the second one's."""
        return Difference(-self.value, self.spread)

    def varied_by(self, other: Spread) -> Difference:
        """The same with a second source of chance, independent of the rows."""
        return Difference(self.value, self.spread.with_another(other, 1.0))

    def below(self, margin: float) -> float:
        """One-sided p-value of a difference that is no lower than minus a margin."""
        if self.spread.error == 0.0:
            return float(self.value >= -margin)
        return float(stats.t.cdf((self.value + margin) / self.spread.error, self.spread.degrees))

    def within(self, margin: float) -> bool:
        """Whether it is shown to be smaller than a margin either way, by two one-sided tests.

        D. Schuirmann, "A comparison of the two one-sided tests procedure and the power approach", Journal of
        Pharmacokinetics and Biopharmaceutics 15 (1987).
        """
        low, high = self.interval(1.0 - 2.0 * LEVEL)
        return self.tells and -margin < low and high < margin

    def no_worse(self, margin: float, higher_is_better: bool) -> bool:
        """Whether the second model is shown to be worse by less than a margin, if at all."""
        low, high = self.interval(1.0 - 2.0 * LEVEL)
        return self.tells and (low > -margin if higher_is_better else high < margin)

    @property
    def detectable(self) -> float:
        """The least true difference that this many units would tell four times out of five."""
        degrees = self.spread.degrees
        return float((stats.t.isf(LEVEL / 2, degrees) + stats.t.ppf(POWER, degrees)) * self.spread.error)

    def times_needed(self, difference: float) -> float:
        """How many times as many units would tell a difference four times out of five."""
        wanted = float(stats.norm.isf(LEVEL / 2) + stats.norm.ppf(POWER))
        return (wanted * self.spread.error / difference) ** 2

    def to_json(self) -> dict[str, Any]:
        """The keys that `comparison.json` promises of a difference."""
        low, high = self.interval()
        return {
            "value": self.value,
            "low": low,
            "high": high,
            "p_value": self.p_value,
            "units": self.spread.units,
        }


def holm(p_values: list[float]) -> list[float]:
    """P-values that hold for all of them together (S. Holm, Scandinavian Journal of Statistics 6, 1979)."""
    count, largest = len(p_values), 0.0
    adjusted = [1.0] * count
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (count - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted
