"""How much a difference of two models would vary if both were trained again.

Intervals over evaluation rows are conditional on two fitted models. What chance does while learning is seen
where there is more than one fit of each: training repeated with other seeds, or the fits of a bag, of which
each has judged the rows of one fold (C. Nadeau and Y. Bengio, "Inference for the generalization error",
Machine Learning 52, 2003, on why both are needed).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from solutionkit.compare.inference import Difference, Spread

FEWEST_FOLDS = 3


@dataclass(frozen=True)
class Learning:
    """Differences, the deep model minus the baseline, of several fits.

    Attributes:
        source: What the fits are.
        differences: Of each.
        error: The standard error that learning adds to the difference of the models at hand.
    """

    source: Literal["seeds", "folds"]
    differences: tuple[float, ...]
    error: float

    @classmethod
    def of_seeds(cls, differences: Sequence[float]) -> Learning:
        """Of trainings with a seed each, judged on the same rows; the models at hand are one draw of these.

        Args:
            differences: That of the models at hand and of each repeat.
        """
        return cls("seeds", tuple(differences), float(np.std(differences, ddof=1)))

    @classmethod
    def of_folds(cls, found: Sequence[Difference]) -> Learning:
        """Of a bag's fits, each judged on the rows that it did not see; the bag is their mean.

        What folds differ by more than their rows explain is due to learning (R. DerSimonian, N. Laird,
        Controlled Clinical Trials 7, 1986, equation 8, unweighted).

        Args:
            found: By fold.
        """
        values = np.array([item.value for item in found])
        by_rows = float(np.mean([item.spread.error**2 for item in found]))
        learned = max(float(values.var(ddof=1)) - by_rows, 0.0)
        return cls("folds", tuple(values.tolist()), math.sqrt(learned / len(found)))

    def added_to(self, measured: Difference) -> Difference:
        """A difference whose interval counts what learning adds."""
        spread = Spread(self.error, measured.spread.units, len(self.differences) - 1.0)
        return measured.varied_by(spread)

    def ahead(self, higher_is_better: bool) -> int:
        """In how many fits the deep model is ahead."""
        return sum((value > 0.0) == higher_is_better for value in self.differences if value != 0.0)

    def in_words(self, higher_is_better: bool) -> str:
        """One sentence.

        Example:
            >>> Learning("folds", (0.1, 0.2, -0.1), 0.0).in_words(higher_is_better=True)
            'In 2 of 3 folds of the training side the deep model is ahead.'
        """
        of_what = "folds of the training side" if self.source == "folds" else "trainings"
        count = self.ahead(higher_is_better)
        return f"In {count} of {len(self.differences)} {of_what} the deep model is ahead."

    def to_json(self, higher_is_better: bool) -> dict[str, Any]:
        """The keys of `comparison.json`."""
        return {
            "source": self.source,
            "differences": list(self.differences),
            "deep_ahead": self.ahead(higher_is_better),
            "error": self.error,
        }
