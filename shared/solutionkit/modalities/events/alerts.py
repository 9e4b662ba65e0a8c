"""Judging alerts as an investigation desk works: so many cards a day, the most suspicious first.

Card precision@k is that of Y. Le Borgne, W. Siblini, B. Lebichot, G. Bontempi: "Reproducible Machine Learning
for Credit Card Fraud Detection" (2022), chapter 4.4: each day the k cards with the largest score of any
transaction are looked into; a card found to be compromised is blocked and leaves the following days.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from solutionkit.compare.metrics import Metric
from solutionkit.tasks.classification.metrics import DETECTION_VIEW, SHARE

CARD_PRECISION, ALERT_RECALL = "card_precision_at_budget", "recall_at_alert_budget"


@dataclass(frozen=True)
class Alerts:
    """Which day and card a row is of, and how many cards can be looked into.

    Attributes:
        days: `(rows,)` codes from 0, in the order of time.
        names: What the days are called.
        entities: `(rows,)` codes from 0 of cards, accounts or whatever is looked into.
        budget: Cards a day.
    """

    days: np.ndarray
    names: tuple[str, ...]
    entities: np.ndarray
    budget: int


@dataclass(frozen=True)
class Days:
    """What became of each day's alerts; all `(days,)`.

    Attributes:
        compromised: Compromised cards among those looked into.
        caught: Positive rows of these cards on that day.
        positives: Positive rows of cards that were not blocked before.
    """

    compromised: np.ndarray
    caught: np.ndarray
    positives: np.ndarray


def daily(alerts: Alerts, labels: np.ndarray, scores: np.ndarray) -> Days:
    """Work through the days.

    Args:
        alerts: Days, cards and budget.
        labels: `(rows,)` of 0 and 1.
        scores: `(rows,)`.
    """
    blocked = np.zeros(int(alerts.entities.max()) + 1, bool)
    counts = []
    for rows in np.split(np.argsort(alerts.days, kind="stable"), _ends(alerts)):
        rows = rows[~blocked[alerts.entities[rows]]]
        entities, place = np.unique(alerts.entities[rows], return_inverse=True)
        suspicion = np.full(len(entities), -np.inf)
        np.maximum.at(suspicion, place, scores[rows])
        positives = np.bincount(place, weights=labels[rows], minlength=len(entities))
        # Of equal scores the card that comes first; never more than can be looked into.
        looked_into = np.argsort(-suspicion, kind="stable")[: alerts.budget]
        compromised = looked_into[positives[looked_into] > 0]
        blocked[entities[compromised]] = True
        counts.append((len(compromised), positives[compromised].sum(), positives.sum()))
    return Days(*np.array(counts, float).reshape(-1, 3).T)


def within_budget(alerts: Alerts, scores: np.ndarray) -> np.ndarray:
    """`(rows,)` which rows are of a day's most suspicious cards, as many as can be looked into.

    Args:
        alerts: Days, cards and budget.
        scores: `(rows,)`.
    """
    within = np.zeros(len(scores), bool)
    for rows in np.split(np.argsort(alerts.days, kind="stable"), _ends(alerts)):
        entities, place = np.unique(alerts.entities[rows], return_inverse=True)
        suspicion = np.full(len(entities), -np.inf)
        np.maximum.at(suspicion, place, scores[rows])
        looked_into = np.zeros(len(entities), bool)
        looked_into[np.argsort(-suspicion, kind="stable")[: alerts.budget]] = True
        within[rows] = looked_into[place]
    return within


def _ends(alerts: Alerts) -> np.ndarray:
    """Where one day's rows end, in the order of days."""
    return np.cumsum(np.bincount(alerts.days, minlength=len(alerts.names)))[:-1]


def over_budget(alerts: Alerts) -> list[str]:
    """A note where more cards are flagged on a day than can be looked into.

    Args:
        alerts: The flagged rows.
    """
    pairs = np.unique(np.stack([alerts.days, alerts.entities]), axis=1)
    cards = np.bincount(pairs[0].astype(np.int64), minlength=len(alerts.names))
    over = int((cards > alerts.budget).sum())
    if not over:
        return []
    worst = int(cards.argmax())
    return [
        f"on {over} of {len(cards)} days more cards are flagged than the {alerts.budget} that can be looked"
        f" into, {cards[worst]} on {alerts.names[worst]}: begin with the most suspicious"
    ]


def alert_metrics(alerts: Alerts) -> dict[str, Metric]:
    """Card precision and recall within the budget; weightings of the rows must weigh whole days."""
    budget = alerts.budget
    return {
        CARD_PRECISION: Metric(
            CARD_PRECISION,
            f"Card precision@{budget} a day",
            partial(_precision, alerts),
            higher_is_better=True,
            view=DETECTION_VIEW,
            bounds=SHARE,
            of_slices=False,
            margin=0.01,
        ),
        ALERT_RECALL: Metric(
            ALERT_RECALL,
            f"Recall at {budget} alerts a day",
            partial(_recall, alerts),
            higher_is_better=True,
            view=DETECTION_VIEW,
            bounds=SHARE,
            of_slices=False,
            margin=0.02,
        ),
    }


def _precision(alerts: Alerts, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over the days of the share of compromised cards among those that could be looked into."""
    days = _day_weights(alerts, weights)
    result: np.ndarray = days @ daily(alerts, labels, scores).compromised / (alerts.budget * days.sum(axis=1))
    return result


def _recall(alerts: Alerts, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of positive rows, of cards not blocked before, on a card that is found that day."""
    days, worked = _day_weights(alerts, weights), daily(alerts, labels, scores)
    result: np.ndarray = days @ worked.caught / np.maximum(days @ worked.positives, 1.0)
    return result


def _day_weights(alerts: Alerts, weights: np.ndarray) -> np.ndarray:
    """`(resamples, days)` of `(resamples, rows)`."""
    first = np.unique(alerts.days, return_index=True)[1]
    return weights[:, first]


def daily_report(alerts: Alerts, labels: np.ndarray, scores: dict[str, np.ndarray]) -> dict[str, Any]:
    """What the report draws: by day how many compromised cards each model's alerts find.

    Args:
        alerts: Days, cards and budget.
        labels: `(rows,)` of 0 and 1.
        scores: `(rows,)` by model.
    """
    worked = {name: daily(alerts, labels, score) for name, score in scores.items()}
    return {
        "budget": alerts.budget,
        "days": list(alerts.names),
        "positives": np.bincount(alerts.days, weights=labels, minlength=len(alerts.names)).tolist(),
        "models": {
            name: {
                "found": item.compromised.tolist(),
                "caught": item.caught.tolist(),
                "precision": (item.compromised / alerts.budget).tolist(),
            }
            for name, item in worked.items()
        },
    }
