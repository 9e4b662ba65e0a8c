"""What decisions are worth: the best threshold on training-side rows, its value on eval rows."""

from __future__ import annotations

import numpy as np

from solutionkit.compare.metrics import Metric, View, weighted_mean
from solutionkit.declaration import Business

PER = 1000
# Where neither worths nor a rate are declared and no positive row is known.
FALSE_ALARM_RATE = 0.05
# Of held-out rows, each decided by a threshold that the others chose.
PARTS = 5
# Below all thresholds.
NEVER = -np.inf


def row_values(
    labels: np.ndarray, flagged: np.ndarray, business: Business, amounts: np.ndarray | None = None
) -> np.ndarray:
    """`(rows,)` worth of each row's decision, in the declared currency.

    Args:
        labels: `(rows,)` of 0 and 1.
        flagged: `(rows,)` decisions.
        business: Worth of the outcomes.
        amounts: `(rows,)` money at stake, of which a rightly flagged row recovers a share.
    """
    recovered = 0.0 if amounts is None else business.recovered * amounts
    when_flagged = np.where(labels == 1, business.true_positive + recovered, business.false_positive)
    when_flagged = when_flagged - business.investigation_cost
    when_not = np.where(labels == 1, business.false_negative, business.true_negative)
    return np.where(flagged, when_flagged, when_not)


def row_gains(
    labels: np.ndarray, business: Business, amounts: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`(rows,)` worth of each row where it is not flagged, and what flagging it adds.

    Args:
        labels: `(rows,)` of 0 and 1.
        business: Worth of the outcomes.
        amounts: `(rows,)` money at stake.
    """
    everything = np.ones(len(labels), bool)
    at_rest = row_values(labels, ~everything, business, amounts)
    return at_rest, row_values(labels, everything, business, amounts) - at_rest


def best_threshold(
    labels: np.ndarray,
    scores: np.ndarray,
    business: Business | None,
    amounts: np.ndarray | None = None,
) -> float:
    """The threshold with the largest value on rows that the model was not fitted on.

    Rows with a score at or above it are flagged. Thresholds lie half-way between neighbouring
    scores; flagging all and none are among the choices.

    Args:
        labels: `(rows,)` of 0 and 1; never the evaluation rows.
        scores: `(rows,)` probabilities, or what flagging is expected to add; `NEVER` of rows that cannot be
            flagged.
        business: Worth of the outcomes; without it balanced accuracy decides.
        amounts: `(rows,)` money at stake.
    """
    _, gains = row_gains(labels, business or balanced(labels), amounts)
    return float(best_thresholds(gains, scores, np.ones((1, len(labels))))[0])


def earned_by_choosing(gains: np.ndarray, scores: np.ndarray, units: np.ndarray | None) -> np.ndarray:
    """`(units,)` what a chosen threshold earns more than 0 does, of units by which it was not chosen.

    Args:
        gains: `(rows,)` what flagging each row adds.
        scores: `(rows,)` what flagging is expected to add; `NEVER` of rows that cannot be flagged.
        units: `(rows,)` codes from 0 of rows that resemble each other; else each row is a unit.
    """
    units = np.arange(len(scores)) if units is None else units
    part = (np.random.default_rng(0).permutation(int(units.max()) + 1) % PARTS)[units]
    thresholds = best_thresholds(gains, scores, (part != np.arange(PARTS)[:, None]).astype(float))
    earned: np.ndarray = np.bincount(
        units, weights=gains * ((scores >= thresholds[part]).astype(float) - (scores >= 0.0))
    )
    return earned


def threshold_at_fpr(scores: np.ndarray, rate: float) -> float:
    """The threshold at which at most this share of negative rows is flagged, for want of any positive row.

    Args:
        scores: `(rows,)` scores of negative rows that the model was not fitted on.
        rate: The share of false alarms that is accepted.
    """
    ordered = np.sort(scores)[::-1]
    left_alone = ordered[min(int(rate * len(scores)), len(scores) - 1)]
    return float(np.nextafter(left_alone, np.inf))


def balanced(labels: np.ndarray) -> Business:
    """Weights under which a decision's mean value is balanced accuracy minus a half."""
    share = float(labels.mean())
    return Business(
        currency="", true_positive=0.5 / max(share, 1e-9), false_positive=-0.5 / max(1.0 - share, 1e-9)
    )


def best_thresholds(gains: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`(resamples,)` thresholds, each the best one of its draw; see `best_threshold`.

    Args:
        gains: `(rows,)` what flagging each row adds; never of evaluation rows.
        scores: `(rows,)` probabilities, or what flagging is expected to add; `NEVER` of rows that cannot be
            flagged.
        weights: `(resamples, rows)` how often each row is drawn.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    totals = np.cumsum(weights[:, order] * np.where(ordered > NEVER, gains[order], 0.0), axis=1)
    # A cut is possible only between two different scores.
    totals[:, np.append(ordered[:-1] == ordered[1:], False)] = -np.inf
    cuts = totals.argmax(axis=1)
    middle = np.where(ordered[1:] > NEVER, (ordered[:-1] + ordered[1:]) / 2.0, ordered[:-1])
    known = ordered[ordered > NEVER]
    everything, nothing = 0.0, 1.01
    if len(known) and not 0.0 <= known[-1] <= known[0] <= 1.0:
        # In money other rows may lie far beyond these.
        everything, nothing = -np.finfo(np.float64).max, np.finfo(np.float64).max
    between = np.append(middle, everything)
    best = totals[np.arange(len(totals)), cuts]
    thresholds: np.ndarray = np.where(best > 0.0, between[cuts], nothing)
    return thresholds


def values_per_1000(
    at_rest: np.ndarray, gains: np.ndarray, scores: np.ndarray, weights: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """`(resamples,)` worth of 1,000 decisions of each draw at its own threshold.

    Args:
        at_rest: `(rows,)` worth of each row where it is not flagged.
        gains: `(rows,)` what flagging it adds.
        scores: `(rows,)` probabilities.
        weights: `(resamples, rows)` how often each row is drawn, or one draw for all thresholds.
        thresholds: `(resamples,)`; rows with at least this score are flagged.
    """
    order = np.argsort(-scores, kind="stable")
    added = np.cumsum(weights[:, order] * gains[order], axis=1)
    flagged = np.searchsorted(-scores[order], -thresholds, side="right")
    places = np.arange(len(added)) if len(added) > 1 else np.zeros(len(thresholds), np.int64)
    found = np.concatenate([np.zeros((len(added), 1)), added], axis=1)[places, flagged]
    result: np.ndarray = PER * (weights @ at_rest + found) / weights.sum(axis=1)
    return result


def outcomes(labels: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, int]:
    """Counts of the four outcomes at a threshold."""
    flagged = scores >= threshold
    return {
        "true_positive": int((flagged & (labels == 1)).sum()),
        "false_positive": int((flagged & (labels == 0)).sum()),
        "false_negative": int((~flagged & (labels == 1)).sum()),
        "true_negative": int((~flagged & (labels == 0)).sum()),
    }


def worth_metric(each: float = 1.0) -> Metric:
    """What 1,000 decisions are worth, of rows' costs `(rows, 1)`.

    Args:
        each: Decisions of a row, on average.
    """
    view = View(
        labels=lambda labels: labels.reshape(len(labels), -1)[:, 0],
        scores=lambda costs: costs[:, 0],
        strata=lambda labels: np.zeros(len(labels), np.int64),
    )
    return Metric(
        "worth",
        "Worth",
        lambda labels, cost, weights: -PER / each * weighted_mean(cost, weights),
        True,
        view,
    )
