"""Which model is better, which one ships, and why, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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

    A difference that the test cannot tell from chance is a tie. It ships the baseline, unless the deep
    model is clearly cheaper in at least two of latency, size and training time.
    """
    measured = (
        f"{title} differs by {difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f}, p = {p_value:.3g})"
    )
    if p_value < SIGNIFICANCE:
        deep_wins = (difference > 0) == higher_is_better
        winner: Literal["deep", "baseline"] = "deep" if deep_wins else "baseline"
        name = "deep model" if deep_wins else "baseline"
        return Decision(winner, winner, f"The {name} is better: {measured}.")
    pairs: dict[str, tuple[float, float]] = {
        "latency": (baseline.latency_ms, deep.latency_ms),
        "size": (baseline.size_bytes, deep.size_bytes),
        "training time": (baseline.train_seconds, deep.train_seconds),
    }
    cheaper = [name for name, (ours, theirs) in pairs.items() if theirs < CLEARLY_CHEAPER * ours]
    selected: Literal["deep", "baseline"] = "deep" if len(cheaper) >= 2 else "baseline"
    # No numbers of time here: the sentence is the same whenever data, code and seed are.
    shipped = "deep model" if selected == "deep" else "baseline"
    return Decision(
        "tie",
        selected,
        f"No difference that the test can tell from chance: {measured};"
        f" the {shipped} ships because it is cheaper.",
    )
