import numpy as np
import pytest

from solutionkit.compare.metrics import paired_draws
from solutionkit.modalities.events.alerts import (
    ALERT_RECALL,
    CARD_PRECISION,
    Alerts,
    alert_metrics,
    daily,
    daily_report,
    over_budget,
    within_budget,
)

# Two days, one card a day can be looked into. Card 0 is found on day 0 and blocked on day 1.
ALERTS = Alerts(
    days=np.array([0, 0, 0, 0, 1, 1, 1, 1]),
    names=("2026-01-01", "2026-01-02"),
    entities=np.array([0, 0, 1, 2, 0, 1, 2, 2]),
    budget=1,
)
LABELS = np.array([1, 1, 0, 1, 1, 0, 1, 1])
SCORES = np.array([0.9, 0.1, 0.5, 0.4, 1.0, 0.2, 0.7, 0.1])


def test_a_day_finds_the_most_suspicious_cards_and_blocks_them() -> None:
    found = daily(ALERTS, LABELS, SCORES)
    assert found.compromised.tolist() == [1, 1]
    assert found.caught.tolist() == [2, 2]
    assert found.positives.tolist() == [3, 2]


def test_a_wrong_alert_costs_its_place() -> None:
    found = daily(ALERTS, LABELS, np.array([0.1, 0.1, 0.9, 0.1, 0.8, 0.1, 0.7, 0.1]))
    assert found.compromised.tolist() == [0, 1]
    assert found.caught.tolist() == [0, 1]


def test_metrics_weigh_days() -> None:
    metrics = alert_metrics(ALERTS)
    weights = np.array([[1.0] * 8, [0.0] * 4 + [2.0] * 4])
    precision = metrics[CARD_PRECISION].function(LABELS, SCORES, weights)
    recall = metrics[ALERT_RECALL].function(LABELS, SCORES, weights)
    assert precision.tolist() == [1.0, 1.0]
    assert recall == pytest.approx([4 / 5, 1.0])
    assert metrics[CARD_PRECISION].title == "Card precision@1 a day"


def test_fewer_cards_than_the_budget_count_as_places_left_empty() -> None:
    wide = Alerts(ALERTS.days, ALERTS.names, ALERTS.entities, budget=10)
    metric = alert_metrics(wide)[CARD_PRECISION]
    assert metric.value(LABELS, SCORES[:, None]) == pytest.approx(np.mean([2 / 10, 0 / 10]))


def test_the_bootstrap_draws_whole_days() -> None:
    random = np.random.default_rng(0)
    days = np.repeat(np.arange(10), 50)
    alerts = Alerts(days, tuple(map(str, range(10))), random.integers(0, 500, 500), budget=5)
    labels = (random.random(500) < 0.1).astype(int)
    scores = np.clip(labels * 0.3 + random.random(500), 0, 1)[:, None]
    draws = paired_draws(alert_metrics(alerts)[CARD_PRECISION], labels, [scores], 0, units=days)
    value = alert_metrics(alerts)[CARD_PRECISION].value(labels, scores)
    assert draws.std() > 0
    assert np.quantile(draws, 0.025) <= value <= np.quantile(draws, 0.975)


def test_the_report_has_all_days_and_models() -> None:
    found = daily_report(ALERTS, LABELS, {"deep": SCORES})
    assert found["days"] == ["2026-01-01", "2026-01-02"]
    assert found["positives"] == [3.0, 3.0]
    assert found["models"]["deep"]["precision"] == [1.0, 1.0]


def test_no_day_has_more_cards_than_can_be_looked_into() -> None:
    random = np.random.default_rng(0)
    days, cards, scores = random.integers(0, 5, 400), random.integers(0, 40, 400), random.random(400)
    found = within_budget(Alerts(days, tuple("abcde"), cards, 3), scores)
    for day in range(5):
        within = np.unique(cards[(days == day) & found])
        largest = {
            card: scores[(days == day) & (cards == card)].max() for card in np.unique(cards[days == day])
        }
        assert set(within) == set(sorted(largest, key=largest.__getitem__)[-3:])
        # All rows of such a card are looked into.
        assert found[(days == day) & np.isin(cards, within)].all()


def test_days_over_the_budget_are_told() -> None:
    assert over_budget(ALERTS) == [
        "on 2 of 2 days more cards are flagged than the 1 that can be looked into, 3 on 2026-01-01: begin with"
        " the most suspicious"
    ]
    assert over_budget(Alerts(ALERTS.days, ALERTS.names, ALERTS.entities, budget=3)) == []
