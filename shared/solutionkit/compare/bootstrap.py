"""The paired bootstrap: units are drawn once and all models are judged on the same draw.

B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 13 and 16. Only the spread
of the draws is used, see `inference`: of few units their quantiles are far too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from solutionkit.compare.inference import Spread

MOST_RESAMPLES, FEWEST_RESAMPLES = 1000, 200
# Large tables need fewer resamples for the same purpose: at most this many drawn rows in all.
DRAWN_ROWS = 50_000_000
# Weights of this many cells are held in memory at once (64 MB).
CELLS_AT_ONCE = 8_000_000


def resample_count(rows: int) -> int:
    """How many resamples a table of this many rows gets."""
    return int(np.clip(DRAWN_ROWS // max(rows, 1), FEWEST_RESAMPLES, MOST_RESAMPLES))


def resamples(
    labels: np.ndarray,
    seed: int,
    count: int | None = None,
    units: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """How often each row is drawn, in blocks `(resamples, rows)`.

    Rows are drawn whatever their class: how many are positive is as uncertain as all else. A draw
    that lacks a class, for which no metric is defined, is drawn again.

    Args:
        labels: `(rows,)` classes that each draw must hold; those below zero it need not.
        seed: Of the draws.
        count: How many; by default `resample_count`.
        units: `(rows,)` codes from 0 of rows that resemble each other, which are drawn together.
    """
    random = np.random.default_rng(seed)
    count = resample_count(len(labels)) if count is None else count
    members = _drawn_together(labels, units)
    unit_count = int(members.max()) + 1
    # How many rows of each class a unit holds.
    held = np.stack(
        [
            np.bincount(members[labels == value], minlength=unit_count)
            for value in (np.unique(labels[labels >= 0]) if (labels >= 0).any() else np.unique(labels))
        ],
        axis=1,
    ).astype(float)
    block = max(1, CELLS_AT_ONCE // len(labels))
    for start in range(0, count, block):
        drawn = _draws(random, unit_count, min(block, count - start))
        while len(lacking := np.flatnonzero((drawn @ held == 0.0).any(axis=1))):
            drawn[lacking] = _draws(random, unit_count, len(lacking))
        yield drawn[:, members]


def _drawn_together(labels: np.ndarray, units: np.ndarray | None) -> np.ndarray:
    """`(rows,)` codes. A single unit cannot be drawn from: its rows are, and no verdict is given."""
    return np.arange(len(labels)) if units is None or units.max() == 0 else units


def _draws(random: np.random.Generator, units: int, count: int) -> np.ndarray:
    """`(count, units)` how often each unit is drawn."""
    drawn = np.empty((count, units))
    for place in range(count):
        drawn[place] = np.bincount(random.integers(0, units, units), minlength=units)
    return drawn


@dataclass(frozen=True)
class Units:
    """How many units there are.

    Attributes:
        fewest: Of the scarcest stratum.
        degrees: Of freedom of a standard error.
    """

    fewest: int
    degrees: float

    @classmethod
    def of(cls, strata: np.ndarray, units: np.ndarray | None) -> Units:
        """Count them.

        The error has as many degrees of freedom as if each stratum's units varied alike (F. Satterthwaite,
        "An approximate distribution of estimates of variance components", Biometrics 2, 1946): the scarce
        ones vary most.

        Args:
            strata: `(rows,)` codes.
            units: `(rows,)` codes of rows that resemble each other; else each row is a unit.
        """
        members = np.arange(len(strata)) if units is None else units
        counts = [len(np.unique(members[strata == code])) for code in np.unique(strata)]
        few = np.maximum(counts, 2.0)
        degrees = float((1.0 / few).sum() ** 2 / (1.0 / (few**2 * (few - 1.0))).sum())
        # Strata of the same units do not vary apart.
        return cls(min(counts), max(min(degrees, len(np.unique(members)) - 1.0), 1.0))

    def at_most(self, count: int) -> Units:
        """The same where no more than so many rows tell anything."""
        return Units(min(self.fewest, count), max(min(self.degrees, count - 1.0), 1.0))

    def spread(self, draws: np.ndarray) -> Spread:
        """The spread that `(resamples,)` draws show.

        A bootstrap's standard error is too small by the root of (units - 1) / units; that of few draws is
        uncertain itself, which costs degrees of freedom.
        """
        error = float(draws.std(ddof=1)) * float(np.sqrt((self.degrees + 1.0) / self.degrees))
        # Rounding in sums of weights is no spread.
        error = 0.0 if error < 1e-12 * max(1.0, float(np.abs(draws).max())) else error
        return Spread(error, self.fewest, 1.0 / (1.0 / self.degrees + 1.0 / (len(draws) - 1)))
