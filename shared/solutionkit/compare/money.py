"""What decisions are worth: the best threshold on training-side rows, its value on eval rows."""

from __future__ import annotations

import numpy as np

from solutionkit.declaration import Business

PER = 1000
# Where neither worths nor a rate are declared and no positive row is known.
FALSE_ALARM_RATE = 0.05


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


def best_threshold(
    labels: np.ndarray,
    scores: np.ndarray,
    business: Business | None,
    amounts: np.ndarray | None = None,
    most: int | None = None,
) -> float:
    """The threshold with the largest value on rows that the model was not fitted on.

    Rows with a score at or above it are flagged. Thresholds lie half-way between neighbouring
    scores; flagging all (0) and none (above 1) are among the choices.

    Args:
        labels: `(rows,)` of 0 and 1; never the evaluation rows.
        scores: `(rows,)` probabilities.
        business: Worth of the outcomes; without it balanced accuracy decides.
        amounts: `(rows,)` money at stake.
        most: How many of these rows can be looked into; no more are flagged.
    """
    business = business or balanced(labels)
    order = np.argsort(-scores, kind="stable")
    gains = row_values(labels, np.ones(len(labels), bool), business, amounts) - row_values(
        labels, np.zeros(len(labels), bool), business, amounts
    )
    totals = np.concatenate([[0.0], np.cumsum(gains[order])])
    ordered = scores[order]
    # A cut is possible only between two different scores.
    possible = np.concatenate([[True], ordered[:-1] > ordered[1:], [True]])
    if most is not None:
        possible[most + 1 :] = False
    cut = int(np.argmax(np.where(possible, totals, -np.inf)))
    if cut == 0:
        return 1.01
    if cut == len(scores):
        return 0.0
    return float((ordered[cut - 1] + ordered[cut]) / 2)


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


def value_per_1000(
    labels: np.ndarray,
    scores: np.ndarray,
    weights: np.ndarray,
    threshold: float,
    business: Business,
    amounts: np.ndarray | None = None,
) -> np.ndarray:
    """`(resamples,)` worth of 1,000 decisions under weightings `(resamples, rows)` of the rows.

    Args:
        labels: `(rows,)` 0 or 1.
        scores: `(rows,)` probabilities.
        weights: `(resamples, rows)` how often each row is drawn.
        threshold: Rows with at least this score are flagged.
        business: What the outcomes are worth.
        amounts: `(rows,)` what is at stake, where worth depends on it.
    """
    values = row_values(labels, scores >= threshold, business, amounts)
    result: np.ndarray = PER * (weights @ values) / weights.sum(axis=1)
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
