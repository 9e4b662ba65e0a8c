"""Which model is better, in one sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from solutionkit.compare.inference import FEWEST_UNITS, LEVEL, Difference
from solutionkit.decimals import p_in_words

Verdict = Literal["deep", "baseline", "equivalent", "undecided"]
SHORT: dict[str, str] = {
    "deep": "The deep model is better",
    "baseline": "The baseline is better",
    "equivalent": "The models are equivalent",
    "undecided": "Undecided",
}


@dataclass(frozen=True)
class Judgement:
    """What the primary metric says.

    Attributes:
        verdict: Which model is better, or why neither is.
        reason: One sentence, without what ships.
    """

    verdict: Verdict
    reason: str


def judge(
    title: str, difference: Difference, margin: float, higher_is_better: bool, unit: str, rows: int
) -> Judgement:
    """Judge a paired difference, the deep model minus the baseline.

    Equivalent are models whose difference is shown to be smaller than the margin, be it zero or not; better
    is one on whose side of zero the 95 % interval lies. Else the data cannot tell.

    Args:
        title: The metric's.
        difference: Of the primary metric.
        margin: What is too little to matter.
        higher_is_better: Of the metric.
        unit: What rows are drawn by.
        rows: How many are judged.
    """
    low, high = difference.interval()
    measured = (
        f"{title} differs by {difference.value:+.4f} (95 % interval {low:+.4f} to {high:+.4f},"
        f" p = {p_in_words(difference.p_value, LEVEL)})"
    )
    units = difference.spread.units
    if not difference.tells:
        return Judgement(
            "undecided",
            f"The evaluation rows are too few to tell: {units} {unit}{'' if units == 1 else 's'} of the"
            f" scarcest kind, {FEWEST_UNITS} at least are needed; {measured}.",
        )
    if difference.within(margin):
        return Judgement(
            "equivalent", f"No difference that matters, less than {margin:.3g} either way: {measured}."
        )
    if difference.p_value < LEVEL:
        deep_wins = (difference.value > 0) == higher_is_better
        name = "deep model" if deep_wins else "baseline"
        return Judgement("deep" if deep_wins else "baseline", f"The {name} is better: {measured}.")
    wanted = _rounded(rows * difference.times_needed(margin))
    return Judgement(
        "undecided",
        f"The data cannot tell the models apart: {measured}; {wanted} evaluation rows would tell a difference"
        f" of {margin:.3g}.",
    )


def _rounded(count: float) -> str:
    """About so many, two digits."""
    size = 10 ** max(math.floor(math.log10(max(count, 1.0))) - 1, 0)
    return f"about {math.ceil(count / size) * size:,}"
