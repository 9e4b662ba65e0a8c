"""What a model must show before it ships."""

from typing import Any

import pytest

from solutionkit.compare.gates import Candidate, Gate
from solutionkit.compare.inference import Difference, Estimate, Spread


def difference(value: float, error: float, units: int = 100) -> Difference:
    return Difference(value, Spread(error, units))


def gates(thresholds: dict[str, float] | None = None, **changes: Any) -> dict[str, Gate]:
    plain: dict[str, Any] = {
        "name": "deep",
        "other": "baseline",
        "over_trivial": difference(0.2, 0.01),
        "higher_is_better": True,
        "money": {},
        "currency": "EUR",
        "estimates": {"roc_auc": Estimate(0.8, 0.75, 0.85), "log_loss": Estimate(0.5, 0.45, 0.55)},
        "slices": {},
        "margin": 0.005,
    }
    found = Candidate(**(plain | changes)).gates(thresholds or {}, {"roc_auc": True, "log_loss": False})
    return {gate.name: gate for gate in found}


def test_a_model_that_is_better_than_nothing_meets_all() -> None:
    assert all(gate.held for gate in gates({"roc_auc": 0.7}).values())


@pytest.mark.parametrize("over", [difference(-0.02, 0.01), difference(0.01, 0.02), difference(0.3, 0.01, 3)])
def test_a_model_must_be_shown_to_beat_the_trivial_predictor(over: Difference) -> None:
    assert not gates(over_trivial=over)["beats_trivial"].held


def test_lower_is_better_of_errors() -> None:
    assert gates(over_trivial=difference(-0.2, 0.01), higher_is_better=False)["beats_trivial"].held


def test_money_must_not_be_credibly_less_than_the_other_models_or_than_the_trivial_predictors() -> None:
    poor, unclear = difference(-1583.0, 600.0), difference(-500.0, 600.0)
    assert gates(money={"baseline": unclear, "trivial": unclear})["money"].held
    for money in ({"baseline": poor, "trivial": unclear}, {"baseline": unclear, "trivial": poor}):
        found = gates(money=money)["money"]
        assert not found.held
        assert "-1,583 EUR per 1,000" in found.why


@pytest.mark.parametrize(
    ("bounds", "held"),
    [
        ({"roc_auc": 0.74}, True),
        # The value keeps it, the interval does not.
        ({"roc_auc": 0.78}, False),
        ({"log_loss": 0.56}, True),
        ({"log_loss": 0.52}, False),
    ],
)
def test_the_interval_keeps_a_bound(bounds: dict[str, float], held: bool) -> None:
    found = gates(bounds)["bounds"]
    assert found.held == held
    assert f"{next(iter(bounds.values())):g}" in found.why


def test_harm_in_a_slice_is_told_from_the_luck_of_many() -> None:
    harmless = {f"city = {i}": difference(0.0, 0.01) for i in range(9)}
    # Alone this would be p = .01; among ten it is chance.
    unlucky = difference(-0.005 - 0.0233, 0.01)
    assert gates(slices=harmless | {"city = x": unlucky})["slices"].held
    harmed = gates(slices=harmless | {"city = x": difference(-0.1, 0.01)})["slices"]
    assert not harmed.held
    assert "city = x (-0.1000" in harmed.why
    assert gates(slices={"a": difference(0.1, 0.01)}, higher_is_better=False)["slices"].held is False
