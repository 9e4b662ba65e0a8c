"""The paired bootstrap: rows are drawn once and both models are judged on the same draw.

B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 13 and 16.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

MOST_RESAMPLES, FEWEST_RESAMPLES = 1000, 200
# Large tables need fewer resamples for the same purpose: at most this many drawn rows in all.
DRAWN_ROWS = 50_000_000
# Weights of this many cells are held in memory at once (64 MB).
CELLS_AT_ONCE = 8_000_000


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % percentile interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The keys that `comparison.json` promises."""
        return {"value": self.value, "low": self.low, "high": self.high}


def resample_count(rows: int) -> int:
    """How many resamples a table of this many rows gets."""
    return int(np.clip(DRAWN_ROWS // max(rows, 1), FEWEST_RESAMPLES, MOST_RESAMPLES))


def resamples(
    labels: np.ndarray, seed: int, count: int | None = None, units: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """How often each row is drawn, in blocks `(resamples, rows)`.

    Rows are drawn whatever their class: how many are positive is as uncertain as all else. A draw
    that lacks a class, for which no metric is defined, is drawn again.

    Args:
        labels: `(rows,)` classes that each draw must hold.
        seed: Of the draws.
        count: How many; by default `resample_count`.
        units: `(rows,)` codes from 0 of rows that resemble each other, which are drawn together.
    """
    random = np.random.default_rng(seed)
    count = resample_count(len(labels)) if count is None else count
    strata = len(np.unique(labels))
    members = np.arange(len(labels)) if units is None else units
    unit_count = int(members.max()) + 1
    block = max(1, CELLS_AT_ONCE // len(labels))
    for start in range(0, count, block):
        size = min(block, count - start)
        weights = np.empty((size, len(labels)))
        for resample in range(size):
            drawn = _draw(random, unit_count)
            while len(np.unique(labels[drawn[members] > 0])) < strata:
                drawn = _draw(random, unit_count)
            weights[resample] = drawn[members]
        yield weights


def _draw(random: np.random.Generator, count: int) -> np.ndarray:
    """`(count,)` how often each unit is drawn."""
    return np.bincount(random.integers(0, count, count), minlength=count)


def interval(value: float, draws: np.ndarray) -> Estimate:
    """A value with the interval of its bootstrap draws."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def two_sided_p(differences: np.ndarray) -> float:
    """How often a bootstrapped difference lies on the other side of zero, doubled; never 0."""
    count = len(differences)
    below, above = (differences <= 0).sum(), (differences >= 0).sum()
    return float(min(1.0, 2.0 * (min(below, above) + 1) / (count + 1)))
