"""Thresholds come from validation rows, money from evaluation rows."""

import dataclasses

import numpy as np
import pytest

from solutionkit.compare.evaluation import Circumstances, EvaluationSet
from solutionkit.declaration import Business
from solutionkit.tasks.classification.decisions import decisions
from solutionkit.tasks.classification.task import Classification

TASK = Classification("y", ("no", "yes"))
BUSINESS = Business(true_positive=10.0, false_positive=-1.0)


def judged(**more: object) -> EvaluationSet:
    labels = np.tile([0, 0, 0, 1], 50)
    return EvaluationSet(TASK, labels, np.tile([0, 1], 40), train=400, **more)  # type: ignore[arg-type]


def scores(labels: np.ndarray, right: float) -> np.ndarray:
    return np.where(labels == 1, right, 1 - right)[:, None]


def test_the_threshold_is_what_pays_on_validation_rows() -> None:
    rows = judged()
    good = {"baseline": scores(rows.labels, 0.9), "deep": scores(rows.labels, 0.9)}
    held_out = {name: scores(rows.validation_labels, 0.9) for name in good}
    found = decisions(rows, good, held_out, BUSINESS, seed=1).told["deep"]
    assert 0.1 < found["threshold"] <= 0.9
    assert found["outcomes"] == {
        "true_positive": 50,
        "false_positive": 0,
        "false_negative": 0,
        "true_negative": 150,
    }
    # A quarter of the rows is worth 10 each.
    assert found["value_per_1000"] == pytest.approx(2500.0)
    assert found["low"] < 2500.0 < found["high"]


def test_without_a_worth_there_is_no_money() -> None:
    rows = judged()
    said = {"baseline": scores(rows.labels, 0.9)}
    found = decisions(rows, said, {"baseline": scores(rows.validation_labels, 0.9)}, None, seed=1).told
    assert found["baseline"]["value_per_1000"] is None
    assert "currency" not in found["baseline"]


def test_without_positives_to_choose_by_false_alarms_decide() -> None:
    rows = dataclasses.replace(judged(), validation_labels=np.zeros(200, int), false_alarm_rate=0.05)
    held_out = np.linspace(0.0, 1.0, 200)[:, None]
    found = decisions(rows, {"deep": scores(rows.labels, 0.99)}, {"deep": held_out}, None, seed=1).told
    assert (held_out >= found["deep"]["threshold"]).mean() <= 0.05


def test_the_difference_in_money_is_of_the_same_rows() -> None:
    rows = judged(circumstances=Circumstances(units=np.repeat(np.arange(50), 4)))
    said = {"baseline": scores(rows.labels, 0.9), "deep": scores(rows.labels, 0.2)}
    held_out = {name: scores(rows.validation_labels, 0.9) for name in said}
    decided = decisions(rows, said, held_out, BUSINESS, seed=1)
    assert decided.gain is not None
    found = decided.gain("baseline", "deep")
    worth = [decided.told[name]["value_per_1000"] for name in ("baseline", "deep")]
    assert found.value == pytest.approx(worth[1] - worth[0])
    assert found.value == -decided.gain("deep", "baseline").value
    assert found.p_value < 0.05


def test_that_a_threshold_was_chosen_is_part_of_the_chance() -> None:
    """Of 500 validation rows models that are alike differed "significantly" in 16.5 % of runs without that."""
    random = np.random.default_rng(0)
    rows = EvaluationSet(
        TASK, (random.random(500) < 0.2).astype(int), (random.random(60) < 0.2).astype(int), 400
    )

    def said(labels: np.ndarray) -> np.ndarray:
        return (1 / (1 + np.exp(1.2 - labels - random.normal(0.0, 1.0, len(labels)))))[:, None]

    scored = {name: said(rows.labels) for name in ("baseline", "deep")}
    few = {name: said(rows.validation_labels) for name in scored}
    many = dataclasses.replace(rows, validation_labels=np.tile(rows.validation_labels, 100))
    errors = []
    for judged_by, held_out in (
        (rows, few),
        (many, {name: np.tile(item, (100, 1)) for name, item in few.items()}),
    ):
        decided = decisions(judged_by, scored, held_out, BUSINESS, seed=1)
        assert decided.gain is not None
        errors.append(decided.gain("baseline", "deep").spread.error)
    assert errors[0] > 1.2 * errors[1]


STAKED = Business(true_positive=0.0, recovered=1.0, investigation_cost=10.0)


def staked(bias: float) -> tuple[EvaluationSet, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Rows of which one in ten is positive, with amounts, and probabilities that are too small by a factor."""
    random = np.random.default_rng(0)
    probability = random.beta(0.5, 4.5, 3000)
    labels = (random.random(3000) < probability).astype(int)
    amounts = random.exponential(60.0, 3000)
    around = Circumstances(stakes=amounts[1000:], validation_stakes=amounts[:1000], stake="amount")
    rows = EvaluationSet(TASK, labels[1000:], labels[:1000], train=1000, circumstances=around)
    said = probability[:, None] * bias
    return rows, {"deep": said[1000:]}, {"deep": said[:1000]}


def test_amounts_at_stake_are_weighed_row_by_row() -> None:
    rows, said, held_out = staked(1.0)
    found = decisions(rows, said, held_out, STAKED, seed=1).told["deep"]
    # What is expected to add anything is flagged: true probabilities need no other threshold.
    assert found["threshold"] == 0.0
    assert found["expected_worth"]["amount"] == "amount"
    gains = np.where(rows.labels == 1, rows.circumstances.stakes, 0.0) - 10.0
    by_probability = max(
        1000.0 * np.mean(gains * (said["deep"][:, 0] >= cut)) for cut in np.linspace(0, 1, 101)
    )
    # The best threshold on the probability, found by looking at the evaluation rows.
    assert found["value_per_1000"] > by_probability


def test_probabilities_that_are_clearly_too_small_get_a_threshold_below_nothing() -> None:
    rows, said, held_out = staked(0.3)
    found = decisions(rows, said, held_out, STAKED, seed=1).told["deep"]
    assert found["threshold"] < 0.0
    assert found["value_per_1000"] > 0.0


def test_scores_that_are_no_probabilities_are_not_multiplied_with_money() -> None:
    rows, said, held_out = staked(1.0)
    rows = dataclasses.replace(rows, calibrated=False)
    found = decisions(rows, said, held_out, STAKED, seed=1).told["deep"]
    assert "expected_worth" not in found
    assert 0.0 < found["threshold"] < 1.0
