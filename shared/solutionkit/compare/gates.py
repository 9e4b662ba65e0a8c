"""What a model must show before it ships, whatever the verdict is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from solutionkit.compare.inference import LEVEL, Difference, Estimate, holm
from solutionkit.decimals import decimals, p_in_words

IN_WORDS = {
    "simple": "simple model",
    "baseline": "baseline",
    "deep": "deep model",
    "trivial": "trivial predictor",
}
BEATS_TRIVIAL, MONEY, BOUNDS, SLICES = "beats_trivial", "money", "bounds", "slices"


@dataclass(frozen=True)
class Gate:
    """One condition.

    Attributes:
        name: What `comparison.json` calls it.
        held: Whether the model meets it.
        why: One sentence.
    """

    name: str
    held: bool
    why: str


@dataclass(frozen=True)
class Scrutiny:
    """What was found out about a model beyond its metrics.

    Attributes:
        told: Keys of the model's part of `comparison.json`.
        objection: What must be said with it, as "it goes by …"; nothing where there is no objection.
        gate: What decides whether it ships, if that hangs on it.
    """

    told: Mapping[str, Any] = field(default_factory=dict)
    objection: str = ""
    gate: Gate | None = None


@dataclass(frozen=True)
class Candidate:
    """A model that might ship, and what is known of it; differences are its own value minus another's.

    Attributes:
        name: The model's.
        other: What it is called that it would ship instead of.
        over_trivial: Of the primary metric.
        higher_is_better: Of that.
        money: By whom it is compared with; empty where decisions have no worth.
        currency: Of money.
        estimates: Of the metrics, by name.
        slices: Of the primary metric, by slice.
        margin: What is too little to matter.
        own: A gate of the kind of data, if there is one.
    """

    name: str
    other: str
    over_trivial: Difference
    higher_is_better: bool
    money: Mapping[str, Difference]
    currency: str
    estimates: Mapping[str, Estimate]
    slices: Mapping[str, Difference]
    margin: float
    own: Gate | None = None

    def gates(self, thresholds: Mapping[str, float], higher: Mapping[str, bool]) -> list[Gate]:
        """All that apply.

        Args:
            thresholds: Declared bounds by metric.
            higher: Of each metric whether higher is better.
        """
        gates = [self._beats_trivial()]
        if self.money:
            gates.append(self._money())
        gates += [self._bound(name, bound, higher[name]) for name, bound in thresholds.items()]
        if self.slices:
            gates.append(self._slices())
        return [*gates, self.own] if self.own else gates

    def _beats_trivial(self) -> Gate:
        low, high = self.over_trivial.interval()
        told = f"by {self.over_trivial.value:+.4f} (95 % interval {low:+.4f} to {high:+.4f})"
        held = self.over_trivial.tells and (low > 0.0 if self.higher_is_better else high < 0.0)
        if held:
            return Gate(BEATS_TRIVIAL, True, f"it differs from the trivial predictor {told}")
        return Gate(BEATS_TRIVIAL, False, f"it is not shown to beat the trivial predictor: it differs {told}")

    def _money(self) -> Gate:
        for name, gain in self.money.items():
            low, high = gain.interval()
            if gain.tells and high < 0.0:
                return Gate(
                    MONEY,
                    False,
                    f"it earns less than the {IN_WORDS[name]}: {gain.value:+,.0f} {self.currency} per 1,000"
                    f" (95 % interval {low:+,.0f} to {high:+,.0f}, p = {p_in_words(gain.p_value)})",
                )
        others = " or the ".join(IN_WORDS[name] for name in self.money)
        return Gate(MONEY, True, f"it does not credibly earn less than the {others}")

    def _bound(self, name: str, bound: float, higher: bool) -> Gate:
        found = self.estimates[name]
        held = found.low >= bound if higher else found.high <= bound
        value, low, high = (decimals(item, 4) for item in (found.value, found.low, found.high))
        side = "at least" if higher else "at most"
        why = f"{name} is {value} (95 % interval {low} to {high}), the bound is {side} {bound:g}"
        return Gate(BOUNDS, held, why)

    def _slices(self) -> Gate:
        # Towards larger is better, so that harm lies below.
        oriented = [item if self.higher_is_better else item.turned() for item in self.slices.values()]
        adjusted = holm([item.below(self.margin) for item in oriented])
        harmed = [
            f"{slice_} ({item.value:+.4f}, p = {p_in_words(p)} of {len(adjusted)} slices)"
            for slice_, item, p in zip(self.slices, self.slices.values(), adjusted, strict=True)
            if p < LEVEL
        ]
        if harmed:
            return Gate(
                SLICES, False, f"it is worse than the {IN_WORDS[self.other]} within {', '.join(harmed)}"
            )
        found = (
            f"by more than the margin of {self.margin:.3g}; the smallest p of {len(adjusted)} slices is"
            f" {p_in_words(min(adjusted))}, one-sided and corrected for their number"
        )
        return Gate(SLICES, True, f"no slice is credibly worse than with the {IN_WORDS[self.other]}, {found}")


def to_json(model: str, gates: list[Gate]) -> list[dict[str, Any]]:
    """The entries of `comparison.json`."""
    return [{"model": model, "name": gate.name, "held": gate.held, "why": gate.why} for gate in gates]
