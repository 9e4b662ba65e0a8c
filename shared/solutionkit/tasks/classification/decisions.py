"""Thresholds of each model, what they lead to on evaluation rows, and what that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from solutionkit.compare import money
from solutionkit.compare.bootstrap import Estimate, interval, resamples, two_sided_p
from solutionkit.declaration import Business
from solutionkit.tasks.base import Scores
from solutionkit.tasks.classification.metrics import detected, detection_scores

if TYPE_CHECKING:
    from solutionkit.compare.evaluation import EvaluationSet


def decisions(
    judged: EvaluationSet, scores: Scores, validation: Scores, business: Business | None, seed: int
) -> dict[str, dict[str, Any]]:
    """Each model's threshold, what it leads to and what that is worth, if a worth is declared.

    Args:
        judged: The evaluation rows.
        scores: `(eval rows, outputs)` by model.
        validation: `(validation rows, outputs)` by model.
        business: Worth of the outcomes, if declared.
        seed: Of the bootstrap.
    """
    decided: dict[str, dict[str, Any]] = {}
    most = judged.circumstances.most_flagged
    labels, validation_labels = detected(judged.labels), detected(judged.validation_labels)
    for name, probabilities in scores.items():
        score, held_out = detection_scores(probabilities), detection_scores(validation[name])
        if validation_labels.any():
            threshold = money.best_threshold(
                validation_labels, held_out, business, judged.circumstances.validation_stakes, most
            )
        else:
            rate = judged.false_alarm_rate or money.FALSE_ALARM_RATE
            threshold = money.threshold_at_fpr(held_out, rate)
        decided[name] = {
            "threshold": threshold,
            "value_per_1000": None,
            "outcomes": money.outcomes(labels, score, threshold),
        }
        if business:
            worth = _value(judged, score, threshold, business, seed)
            decided[name] |= {"value_per_1000": worth.value, "low": worth.low, "high": worth.high}
            decided[name]["currency"] = business.currency
    return decided


def _value(
    judged: EvaluationSet, score: np.ndarray, threshold: float, business: Business, seed: int
) -> Estimate:
    labels, stakes = detected(judged.labels), judged.circumstances.stakes
    everything = np.ones((1, len(labels)))
    value = float(money.value_per_1000(labels, score, everything, threshold, business, stakes)[0])
    draws = [
        money.value_per_1000(labels, score, weights, threshold, business, stakes)
        for weights in resamples(labels, seed, units=judged.units)
    ]
    return interval(value, np.concatenate(draws))


def difference(
    judged: EvaluationSet,
    scores: Scores,
    decided: dict[str, dict[str, Any]],
    business: Business,
    seed: int,
) -> dict[str, Any]:
    """Value of 1,000 decisions: the deep model's minus the baseline's, by the paired bootstrap.

    Args:
        judged: The rows.
        scores: `(rows, outputs)` by model.
        decided: What `decisions` gave.
        business: What the outcomes are worth.
        seed: Of the resamples.
    """
    positive = detected(judged.labels)
    baseline, deep = (
        money.row_values(
            positive,
            detection_scores(scores[name]) >= decided[name]["threshold"],
            business,
            judged.circumstances.stakes,
        )
        for name in ("baseline", "deep")
    )
    gain = money.PER * (deep - baseline)
    draws = np.concatenate(
        [weights @ gain / weights.sum(axis=1) for weights in resamples(positive, seed, units=judged.units)]
    )
    estimate = interval(float(gain.mean()), draws)
    return {
        **estimate.to_json(),
        "p_value": two_sided_p(draws),
        "currency": business.currency,
        "resamples": len(draws),
    }
