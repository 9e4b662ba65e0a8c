"""When a row is flagged."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from solutionkit.compare.decision import Decision, ExpectedWorth
from solutionkit.compare.money import row_values
from solutionkit.declaration import Business

BUSINESS = Business(false_positive=-5, recovered=0.8, investigation_cost=4)


def test_what_flagging_adds_is_what_money_says_it_is() -> None:
    """For either label the expected worth is the difference that `row_values` makes of flagging."""
    worth = ExpectedWorth.of(BUSINESS, "amount")
    amounts = np.array([10.0, 500.0])
    for label in (0, 1):
        labels = np.full(2, label)
        added = row_values(labels, np.ones(2, bool), BUSINESS, amounts) - row_values(
            labels, np.zeros(2, bool), BUSINESS, amounts
        )
        np.testing.assert_allclose(worth(labels.astype(float), amounts), added)


@given(seed=st.integers(0, 1000))
def test_flagging_where_it_adds_is_the_best_that_true_probabilities_allow(seed: int) -> None:
    """No threshold on the probability earns more in expectation."""
    random = np.random.default_rng(seed)
    probabilities, amounts = random.random(50), random.exponential(100, 50)
    gains = ExpectedWorth.of(BUSINESS, "amount")(probabilities, amounts)
    decision = Decision(0.0, ExpectedWorth.of(BUSINESS, "amount")).of_rows({"amount": amounts})
    earned = gains[decision.suspicion(probabilities) >= decision.threshold].sum()
    for threshold in random.random(20):
        assert gains[probabilities >= threshold].sum() <= earned + 1e-9


def test_a_decision_comes_back_from_json_and_reads_tables() -> None:
    decision = Decision(1.5, ExpectedWorth.of(BUSINESS, "amount"))
    again = Decision.from_json(decision.to_json())
    assert again == decision
    assert again is not None
    table = pa.table({"amount": pa.array([100.0, None])})
    bound = again.of_rows(table)
    np.testing.assert_allclose(bound.suspicion(np.array([0.5, 0.5])), [34.0, -6.0])
    assert "1.50 EUR" in again.in_words
    assert Decision.from_json({"threshold": None}) is None
    assert Decision.from_json({"threshold": 0.3}) == Decision(0.3)


def test_rows_without_a_stake_are_counted() -> None:
    decision = Decision(0.0, ExpectedWorth.of(BUSINESS, "amount"))
    assert decision.unknown == 0
    assert decision.of_rows(pa.table({"amount": pa.array([1.0, None, None])})).unknown == 2
