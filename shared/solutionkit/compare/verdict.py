"""Which model is better, in one sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from solutionkit.compare.inference import LEVEL, Difference
from solutionkit.decimals import p_in_words
from solutionkit.splits import FEWEST_UNITS

Verdict = Literal["deep", "baseline", "equivalent", "undecided"]
# Units that are words; others are columns.
PLURALS = {
    "row": "rows",
    "distinct row": "distinct rows",
    "distinct text": "distinct texts",
    "day": "days",
    "series": "series",
    "stretch of time": "stretches of time",
}
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
    title: str,
    difference: Difference,
    margin: float,
    higher_is_better: bool,
    unit: str,
    units: int,
    by_rows: Difference | None = None,
) -> Judgement:
    """Judge a paired difference, the deep model minus the baseline.

    Equivalent are models whose difference is shown to be smaller than the margin, be it zero or not; better
    is one on whose side of zero the 95 % interval lies. Else the data cannot tell.

    Args:
        title: The metric's.
        difference: Of the primary metric.
        margin: What is too little to matter.
        higher_is_better: Of the metric.
        unit: What a unit is called.
        units: How many are judged.
        by_rows: The difference without what chance in learning adds, if that was counted: more rows do not
            lessen it.
    """
    low, high = difference.interval()
    measured = (
        f"{title}, deep minus baseline, is {difference.value:+.4f} (95 % interval {low:+.4f} to {high:+.4f},"
        f" p = {p_in_words(difference.p_value, LEVEL)})"
    )
    if not difference.tells:
        there = units_in_words(difference.spread.units, unit)
        return Judgement(
            "undecided",
            f"There is too little to tell by: {there} of the scarcest kind in evaluation, {FEWEST_UNITS} at"
            f" least are needed; {measured}.",
        )
    if difference.within(margin):
        return Judgement(
            "equivalent", f"No difference that matters, less than {margin:.3g} either way: {measured}."
        )
    if difference.p_value < LEVEL:
        deep_wins = (difference.value > 0) == higher_is_better
        name = "deep model" if deep_wins else "baseline"
        return Judgement("deep" if deep_wins else "baseline", f"The {name} is better: {measured}.")
    needed = (by_rows or difference).times_needed(margin)
    wanted = units_in_words(_rounded(units * needed), unit)
    but = " but for chance in learning" if by_rows and by_rows.spread.error < difference.spread.error else ""
    return Judgement(
        "undecided",
        f"The data cannot tell the models apart: {measured}; about {wanted} in evaluation would tell a"
        f" difference of {margin:.3g}{but}.",
    )


def units_in_words(count: int, unit: str) -> str:
    """So many rows, days or what rows are drawn by.

    Example:
        >>> units_in_words(3000, "row"), units_in_words(1, "branch")
        ('3,000 rows', "1 unit by 'branch'")
    """
    if unit in PLURALS:
        return f"{count:,} {unit if count == 1 else PLURALS[unit]}"
    return f"{count:,} unit{'' if count == 1 else 's'} by '{unit}'"


def _rounded(count: float) -> int:
    """Two digits, not fewer."""
    size = 10 ** max(math.floor(math.log10(max(count, 1.0))) - 1, 0)
    return int(math.ceil(count / size) * size)
