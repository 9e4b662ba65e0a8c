"""When a row is flagged: by its probability, or by what flagging it is expected to add.

Where what is at stake differs from row to row, no one probability is the right one: looking into a large
amount pays at a small probability (C. Elkan, "The foundations of cost-sensitive learning", IJCAI 2001).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from solutionkit.declaration import Business

# Thresholds beyond this flag everything or nothing.
FARTHEST = 1e300
# Where rows are not flagged at all.
NEVER = float("inf")


@dataclass(frozen=True)
class ExpectedWorth:
    """What flagging a row adds, in money.

    Attributes:
        amount: The column of what is at stake.
        share: Of it that flagging a positive row saves.
        positive: What flagging a positive row adds beside that.
        negative: What flagging any other row adds, usually below nothing.
        currency: Of all.
    """

    amount: str
    share: float
    positive: float
    negative: float
    currency: str

    @classmethod
    def of(cls, business: Business, amount: str) -> Self:
        """As declared.

        Args:
            business: Worth of the outcomes.
            amount: The column of what is at stake.
        """
        cost = business.investigation_cost
        return cls(
            amount,
            business.recovered,
            business.true_positive - business.false_negative - cost,
            business.false_positive - business.true_negative - cost,
            business.currency,
        )

    @property
    def formula(self) -> str:
        """What flagging is expected to add, to be worked out by others.

        Example:
            >>> ExpectedWorth("amount", 0.8, -4.0, -9.0, "EUR").formula
            'probability x (-4 + 0.8 x amount) + (1 - probability) x -9, in EUR'
        """
        right = f"({self.positive:g} + {self.share:g} x {self.amount})"
        return f"probability x {right} + (1 - probability) x {self.negative:g}, in {self.currency}"

    def __call__(self, probabilities: np.ndarray, stakes: np.ndarray) -> np.ndarray:
        """`(rows,)` of `(rows,)` probabilities of being positive and `(rows,)` stakes, none where unknown."""
        right = self.positive + self.share * np.nan_to_num(stakes)
        worth: np.ndarray = probabilities * right + (1.0 - probabilities) * self.negative
        return worth


@dataclass(frozen=True)
class Decision:
    """When a row is flagged.

    Attributes:
        threshold: Rows whose suspicion is at or above it are flagged.
        expected: What a row's suspicion is, if not its probability.
        levels: Of each class the least probability at which it is thought possible, where a row of which not
            exactly one class is possible is handed over.
        stakes: `(rows,)` what is at stake of the rows at hand, if that counts.
    """

    threshold: float
    expected: ExpectedWorth | None = None
    levels: tuple[float, ...] | None = None
    stakes: np.ndarray | None = None

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self | None:
        """What `to_json` wrote, into `comparison.json` or beside a model; None where nothing is decided."""
        levels = tuple(told["levels"]) if told.get("levels") else None
        if told.get("threshold") is None:
            return None if levels is None else cls(NEVER, levels=levels)
        expected = told.get("expected_worth")
        return cls(float(told["threshold"]), ExpectedWorth(**expected) if expected else None, levels)

    def to_json(self) -> dict[str, Any]:
        """The keys that `comparison.json` promises."""
        expected = {"expected_worth": asdict(self.expected)} if self.expected else {}
        levels = {"levels": list(self.levels)} if self.levels else {}
        return {"threshold": self.threshold if self.flags else None, **expected, **levels}

    def of_rows(self, columns: Any) -> Self:
        """The same, of rows whose columns are given by name, each `(rows,)`; a table, for instance."""
        if self.expected is None:
            return self
        return replace(self, stakes=np.asarray(columns[self.expected.amount], np.float64))

    def suspicion(self, probabilities: np.ndarray) -> np.ndarray:
        """`(rows,)` what is compared with the threshold, of `(rows,)` probabilities of being positive."""
        if self.expected is None:
            return probabilities
        assert self.stakes is not None
        return self.expected(probabilities, self.stakes)

    @property
    def flags(self) -> bool:
        """Whether any row can be flagged; else rows are handed over at most."""
        return self.threshold != NEVER

    @property
    def unknown(self) -> int:
        """Of how many of the rows at hand nobody knows what is at stake."""
        return 0 if self.stakes is None else int(np.isnan(self.stakes).sum())

    @property
    def short(self) -> str:
        """The threshold with its unit."""
        if abs(self.threshold) > FARTHEST:
            return "all" if self.threshold < 0.0 else "none"
        return (
            f"{self.threshold:.3f}"
            if self.expected is None
            else f"{self.threshold:,.2f} {self.expected.currency}"
        )

    @property
    def in_words(self) -> str:
        """Which rows are flagged.

        Example:
            >>> Decision(0.25).in_words
            'at a probability of 0.2500 and above'
        """
        if self.expected is None:
            return f"at a probability of {self.threshold:.4f} and above"
        if abs(self.threshold) > FARTHEST:
            return "whatever it is expected to add" if self.threshold < 0.0 else "under no circumstances"
        return f"where that is expected to add {self.threshold:,.2f} {self.expected.currency} or more"
