import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solutionkit.compare.money import (
    NEVER,
    balanced,
    best_threshold,
    best_thresholds,
    earned_by_choosing,
    outcomes,
    row_gains,
    row_values,
    values_per_1000,
)
from solutionkit.declaration import Business

BUSINESS = Business(true_positive=60, false_positive=-15, false_negative=-5, true_negative=1)


@given(seed=st.integers(0, 10_000), gain=st.floats(-50, 50), cost=st.floats(-50, 50))
@settings(max_examples=100, deadline=None)
def test_no_other_threshold_is_better(seed: int, gain: float, cost: float) -> None:
    random = np.random.default_rng(seed)
    labels, scores = random.integers(0, 2, 30), random.random(30).round(1)
    business = Business(true_positive=gain, false_positive=cost)
    found = best_threshold(labels, scores, business)

    def worth(threshold: float) -> float:
        return float(row_values(labels, scores >= threshold, business).sum())

    assert worth(found) >= max(worth(cut) for cut in np.linspace(0, 1.05, 43)) - 1e-9


def test_flagging_all_and_none_are_choices() -> None:
    labels, scores = np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4])
    assert best_threshold(labels, scores, Business(true_positive=1, false_positive=1)) == 0.0
    assert best_threshold(labels, scores, Business(true_positive=-1, false_positive=-1)) > 1.0


def test_without_business_balanced_accuracy_decides() -> None:
    labels = np.array([0] * 9 + [1])
    scores = np.array([0.1] * 8 + [0.3, 0.4])
    assert best_threshold(labels, scores, None) == pytest.approx(0.35)
    values = row_values(labels, scores >= 0.35, balanced(labels))
    assert values.mean() == pytest.approx(0.5)


def test_value_and_outcomes() -> None:
    labels, scores = np.array([1, 1, 0, 0]), np.array([0.9, 0.1, 0.8, 0.2])
    assert outcomes(labels, scores, 0.5) == {
        "true_positive": 1, "false_positive": 1, "false_negative": 1, "true_negative": 1,
    }  # fmt: skip
    weights = np.array([[1.0, 1, 1, 1], [2.0, 0, 2, 0]])
    found = values_per_1000(*row_gains(labels, BUSINESS), scores, weights, np.array([0.5, 0.5]))
    assert found.tolist() == [10_250.0, 22_500.0]
    alone = values_per_1000(*row_gains(labels, BUSINESS), scores, weights, np.array([1.01, 0.0]))
    assert alone.tolist() == [-2_000.0, 22_500.0]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_each_draw_has_the_threshold_of_its_own_rows(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels, scores = random.integers(0, 2, 40), random.random(40).round(1)
    weights = random.integers(0, 3, (5, 40)).astype(float)
    _, gains = row_gains(labels, BUSINESS)
    for found, drawn in zip(best_thresholds(gains, scores, weights), weights, strict=True):
        rows = np.repeat(np.arange(40), drawn.astype(int))
        alone = best_threshold(labels[rows], scores[rows], BUSINESS)
        # Rows that were not drawn may lie between both.
        assert ((scores[rows] >= found) == (scores[rows] >= alone)).all()


def test_amounts_and_the_cost_of_looking_into_an_alert_count() -> None:
    business = Business(true_positive=0, false_positive=-2, recovered=0.5, investigation_cost=3)
    labels, flagged = np.array([1, 1, 0, 0]), np.array([True, False, True, False])
    amounts = np.array([100.0, 80.0, 50.0, 10.0])
    assert row_values(labels, flagged, business, amounts).tolist() == [47.0, 0.0, -5.0, 0.0]
    assert row_values(labels, flagged, business).tolist() == [-3.0, 0.0, -5.0, 0.0]


def test_a_large_amount_is_worth_a_doubtful_alert() -> None:
    business = Business(true_positive=0, recovered=1.0, investigation_cost=10)
    labels, scores = np.array([1, 0, 0, 1]), np.array([0.9, 0.8, 0.7, 0.6])
    assert best_threshold(labels, scores, business, np.array([50.0, 0, 0, 15.0])) == pytest.approx(0.85)
    assert best_threshold(labels, scores, business, np.array([50.0, 0, 0, 900.0])) == 0.0


def test_what_cannot_be_looked_into_is_never_flagged() -> None:
    business = Business(true_positive=10, false_positive=-1)
    labels, scores = np.array([1, 0, 1, 1]), np.array([0.9, 0.8, 0.7, 0.6])
    assert (scores >= best_threshold(labels, scores, business)).sum() == 4
    reached = np.where([True, True, True, False], scores, NEVER)
    threshold = best_threshold(labels, reached, business)
    assert (reached >= threshold).tolist() == [True, True, True, False]
    # Its gain is none of theirs.
    poor = np.array([0, 0, 0, 1])
    assert best_threshold(poor, np.where([True, True, True, False], scores, NEVER), business) > 1.0


def test_in_money_nothing_is_nothing_and_all_is_all() -> None:
    """Also of rows that lie far beyond those that chose."""
    worth = np.array([5.0, 3.0, -2.0])
    assert best_thresholds(np.full(3, -1.0), worth, np.ones((1, 3)))[0] > 1e300
    assert best_thresholds(np.full(3, 1.0), worth, np.ones((1, 3)))[0] < -1e300
    assert best_thresholds(np.full(3, -1.0), np.array([0.9, 0.5, 0.1]), np.ones((1, 3)))[0] == 1.01


def test_what_choosing_earns_is_told_by_units() -> None:
    random = np.random.default_rng(0)
    gains, scores, units = random.normal(size=60), random.normal(size=60), np.repeat(np.arange(12), 5)
    assert earned_by_choosing(gains, scores, None).shape == (60,)
    assert earned_by_choosing(gains, scores, units).shape == (12,)
