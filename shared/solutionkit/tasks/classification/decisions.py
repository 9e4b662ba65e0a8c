"""Thresholds of each model, what they lead to on evaluation rows, and what that is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from solutionkit.compare import money
from solutionkit.compare.bootstrap import CELLS_AT_ONCE, Units, resample_count, resamples
from solutionkit.compare.inference import Difference
from solutionkit.declaration import Business
from solutionkit.tasks.base import Decisions, Scores
from solutionkit.tasks.classification.metrics import detected, detection_scores

if TYPE_CHECKING:
    from solutionkit.compare.evaluation import EvaluationSet


def decisions(
    judged: EvaluationSet, scores: Scores, validation: Scores, business: Business | None, seed: int
) -> Decisions:
    """Each model's threshold, what it leads to and what that is worth, if a worth is declared.

    Args:
        judged: The evaluation rows.
        scores: `(eval rows, outputs)` by model.
        validation: `(validation rows, outputs)` by model.
        business: Worth of the outcomes, if declared.
        seed: Of the bootstrap.
    """
    models = {
        name: _Decided.of(judged, detection_scores(outputs), detection_scores(validation[name]), business)
        for name, outputs in scores.items()
    }
    told: dict[str, dict[str, Any]] = {
        name: {
            "threshold": model.threshold,
            "value_per_1000": None,
            "outcomes": money.outcomes(detected(judged.labels), model.scores, model.threshold),
        }
        for name, model in models.items()
    }
    if business is None:
        return Decisions(told)
    values = {name: _value(judged, model, business) for name, model in models.items()}
    draws = _draws(judged, models, business, seed)
    units = Units.of(detected(judged.labels), judged.units)
    for name in models:
        estimate = units.spread(draws[name]).estimate(values[name])
        told[name] |= {"value_per_1000": estimate.value, "low": estimate.low, "high": estimate.high}
        told[name]["currency"] = business.currency

    def gain(first: str, second: str) -> Difference:
        return Difference(values[second] - values[first], units.spread(draws[second] - draws[first]))

    return Decisions(told, gain, business.currency)


@dataclass(frozen=True)
class _Decided:
    """A model with its threshold.

    Attributes:
        scores: `(eval rows,)`.
        held_out: `(validation rows,)`, on which the threshold was chosen.
        threshold: The threshold.
    """

    scores: np.ndarray
    held_out: np.ndarray
    threshold: float

    @classmethod
    def of(
        cls, judged: EvaluationSet, scores: np.ndarray, held_out: np.ndarray, business: Business | None
    ) -> _Decided:
        """Choose the threshold.

        Args:
            judged: The rows.
            scores: `(eval rows,)`.
            held_out: `(validation rows,)`.
            business: Worth of the outcomes, if declared.
        """
        labels, around = detected(judged.validation_labels), judged.circumstances
        if labels.any():
            threshold = money.best_threshold(
                labels, held_out, business, around.validation_stakes, around.most_flagged
            )
        else:
            threshold = money.threshold_at_fpr(held_out, judged.false_alarm_rate or money.FALSE_ALARM_RATE)
        return cls(scores, held_out, threshold)


def _value(judged: EvaluationSet, model: _Decided, business: Business) -> float:
    at_rest, gains = money.row_gains(detected(judged.labels), business, judged.circumstances.stakes)
    return float(money.PER * (at_rest + gains * (model.scores >= model.threshold)).mean())


def _draws(
    judged: EvaluationSet, models: dict[str, _Decided], business: Business, seed: int
) -> dict[str, np.ndarray]:
    """`(resamples,)` worth of 1,000 decisions by model, on the same draws of evaluation and validation rows.

    The threshold of each draw is chosen anew: how well it was chosen is chance too, which two models do not
    share.

    Args:
        judged: The rows.
        models: By name.
        business: Worth of the outcomes.
        seed: Of the resamples.
    """
    labels, known = detected(judged.labels), detected(judged.validation_labels)
    around = judged.circumstances
    at_rest, gains = money.row_gains(labels, business, around.stakes)
    _, known_gains = money.row_gains(known, business, around.validation_stakes)
    most = max(len(labels), len(known))
    count, at_once = resample_count(most), max(1, CELLS_AT_ONCE // most)
    evaluated = resamples(labels, seed, count, judged.units, at_once)
    chosen = resamples(known, seed + 1, count, around.validation_units, at_once)
    found: dict[str, list[np.ndarray]] = {name: [] for name in models}
    for weights, known_weights in zip(evaluated, chosen, strict=True):
        for name, model in models.items():
            thresholds = np.full(len(weights), model.threshold)
            if known.any():
                thresholds = money.best_thresholds(
                    known_gains, model.held_out, known_weights, around.most_flagged
                )
            found[name].append(money.values_per_1000(at_rest, gains, model.scores, weights, thresholds))
    return {name: np.concatenate(blocks) for name, blocks in found.items()}
