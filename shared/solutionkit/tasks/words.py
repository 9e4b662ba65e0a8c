"""How a task is spoken of in report and model card."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Phrases.

    Attributes:
        answer: What a model gives for a row, e.g. `the probability that "churned" is "yes"`.
        trivial: What the trivial predictor says.
        counted: What `rows.eval_positive` and a slice's `positives` count, e.g. `churned = yes`; None where
            nothing is counted.
        flag: When a row is flagged, before the threshold's number; None where none is.
        single_rows: Which single rows are shown.
        marked: What the marked ones of explained rows are, if that is told.
        method: How the models learned, where that is not from all rows; else None.
        trivial_rule: What the trivial predictor does, one sentence.
        threshold_rule: Where thresholds come from, if that is not held-out rows.
        worth: What decides the money, where that is not by outcomes of single rows.
        worth_of: What money is told of 1,000 of, where these are no rows.
    """

    answer: str
    trivial: str
    counted: str | None = None
    flag: str | None = None
    single_rows: str = ""
    marked: str | None = "positive"
    method: str | None = None
    trivial_rule: str = "The trivial predictor says the same for every row."
    threshold_rule: str = ""
    worth: str = ""
    worth_of: str = ""
