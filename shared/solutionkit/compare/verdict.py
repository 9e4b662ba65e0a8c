"""Which model is better, which one ships, and why, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from solutionkit.decimals import p_in_words

SIGNIFICANCE = 0.05
# Times vary from run to run; the choice between tied models must not.
CLEARLY_CHEAPER = 0.8
Verdict = Literal["deep", "baseline", "tie"]


@dataclass(frozen=True)
class Cost:
    """What running a model costs beside its errors."""

    latency_ms: float
    size_bytes: int
    train_seconds: float


@dataclass(frozen=True)
class Decision:
    """The comparison's outcome.

    Attributes:
        verdict: Which model is better, or `tie`.
        selected: The model that ships.
        reason: Why, one sentence.
    """

    verdict: Verdict
    selected: Literal["deep", "baseline"]
    reason: str


def decide(
    title: str,
    difference: float,
    low: float,
    high: float,
    p_value: float,
    higher_is_better: bool,
    baseline: Cost,
    deep: Cost,
) -> Decision:
    """Decide on the paired difference (deep minus baseline) of the primary metric.

    A difference that the test cannot tell from chance is a tie. It ships the baseline, the simpler model,
    unless the deep one is clearly cheaper in at least two of latency, size and training time.

    Args:
        title: The metric's.
        difference: The deep model's value minus the baseline's.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p_value: Of the paired test.
        higher_is_better: Of the metric.
        baseline: What the baseline costs.
        deep: What the deep model costs.
    """
    told = p_in_words(p_value, SIGNIFICANCE)
    measured = f"{title} differs by {difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f}, p = {told})"
    if p_value < SIGNIFICANCE:
        deep_wins = (difference > 0) == higher_is_better
        winner: Literal["deep", "baseline"] = "deep" if deep_wins else "baseline"
        name = "deep model" if deep_wins else "baseline"
        return Decision(winner, winner, f"The {name} is better: {measured}.")
    selected: Literal["deep", "baseline"] = "deep" if clearly_cheaper(deep, baseline) else "baseline"
    # No numbers of time here: the sentence is the same whenever data, code and seed are.
    if selected == "deep":
        why = "the deep model ships because it is cheaper"
    elif clearly_cheaper(baseline, deep):
        why = "the baseline ships because it is cheaper"
    else:
        why = "the baseline ships because it is the simpler model and the deep one is not clearly cheaper"
    return Decision("tie", selected, f"No difference that the test can tell from chance: {measured}; {why}.")


def clearly_cheaper(one: Cost, other: Cost) -> bool:
    """Whether a model costs less by a fifth or more in at least two of latency, size and training time."""
    pairs = (
        (one.latency_ms, other.latency_ms),
        (one.size_bytes, other.size_bytes),
        (one.train_seconds, other.train_seconds),
    )
    return sum(ours < CLEARLY_CHEAPER * theirs for ours, theirs in pairs) >= 2
