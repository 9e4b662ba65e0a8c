"""Thresholds of each model, what they lead to on evaluation rows, and what that is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from solutionkit.compare import money
from solutionkit.compare.bootstrap import Units, resamples
from solutionkit.compare.decision import Decision, ExpectedWorth
from solutionkit.compare.inference import Difference, Spread
from solutionkit.declaration import Business
from solutionkit.tasks.classification.metrics import detected, detection_scores
from solutionkit.tasks.decisions import Decisions, Scores

if TYPE_CHECKING:
    from solutionkit.compare.evaluation import EvaluationSet

# A threshold that is the best of a draw from a draw varies about twice as much as that of a draw: with the
# root of a half the spread is what it is from one set of rows to another (benchmarks/README.md, statistics).
CHOSEN = 0.5**0.5
# Flagging whatever is expected to add anything needs no choice; another threshold must earn more, of rows by
# which it was not chosen, by so many standard errors.
CLEARLY = 2.0


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
            **model.decision.to_json(),
            "value_per_1000": None,
            "outcomes": money.outcomes(detected(judged.labels), model.scores, model.decision.threshold),
        }
        for name, model in models.items()
    }
    if business is None:
        return Decisions(told)
    values = {name: _value(judged, model, business) for name, model in models.items()}
    judged_draws, chosen_draws = _draws(judged, models, business, seed)
    units = Units.of(detected(judged.labels), judged.units)

    known = Units.of(detected(judged.validation_labels), judged.circumstances.validation_units)

    def spread(of: Callable[[dict[str, np.ndarray]], np.ndarray]) -> Spread:
        return units.spread(of(judged_draws)).with_another(known.spread(of(chosen_draws)), CHOSEN)

    for name in models:
        estimate = spread(itemgetter(name)).estimate(values[name])
        told[name] |= {"value_per_1000": estimate.value, "low": estimate.low, "high": estimate.high}
        told[name]["currency"] = business.currency

    def gain(first: str, second: str) -> Difference:
        return Difference(values[second] - values[first], spread(lambda draws: draws[second] - draws[first]))

    return Decisions(told, gain, business.currency)


@dataclass(frozen=True)
class _Decided:
    """A model with its threshold.

    Attributes:
        scores: `(eval rows,)` suspicion, below all thresholds where a row cannot be looked into.
        held_out: `(validation rows,)` the same, on which the threshold was chosen.
        decision: When a row is flagged.
        chosen: Whether the threshold was chosen by these rows, so that chance had a hand in it.
    """

    scores: np.ndarray
    held_out: np.ndarray
    decision: Decision
    chosen: bool = True

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
        expected = None
        if business and judged.calibrated and around.stakes is not None:
            assert around.validation_stakes is not None
            expected = ExpectedWorth.of(business, around.stake)
            scores = expected(scores, around.stakes)
            held_out = expected(held_out, around.validation_stakes)
        scores, held_out = reachable(scores, around.reached), reachable(held_out, around.validation_reached)
        if not labels.any():
            threshold = money.threshold_at_fpr(held_out, judged.false_alarm_rate or money.FALSE_ALARM_RATE)
            return cls(scores, held_out, Decision(threshold, expected))
        threshold = money.best_threshold(labels, held_out, business, around.validation_stakes)
        if business and expected:
            _, gains = money.row_gains(labels, business, around.validation_stakes)
            earned = money.earned_by_choosing(gains, held_out, around.validation_units)
            if earned.mean() <= CLEARLY * earned.std() / np.sqrt(len(earned)):
                return cls(scores, held_out, Decision(0.0, expected), chosen=False)
        return cls(scores, held_out, Decision(threshold, expected))


def reachable(scores: np.ndarray, reached: Callable[[np.ndarray], np.ndarray] | None) -> np.ndarray:
    """Scores, below all thresholds where a row cannot be looked into.

    Args:
        scores: `(rows,)`.
        reached: Which rows can be, if not all.
    """
    return scores if reached is None else np.where(reached(scores), scores, money.NEVER)


def _value(judged: EvaluationSet, model: _Decided, business: Business) -> float:
    at_rest, gains = money.row_gains(detected(judged.labels), business, judged.circumstances.stakes)
    return float(money.PER * (at_rest + gains * (model.scores >= model.decision.threshold)).mean())


def _draws(
    judged: EvaluationSet, models: dict[str, _Decided], business: Business, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """`(resamples,)` worth of 1,000 decisions by model: of drawn rows, and at thresholds of drawn rows.

    How well a threshold was chosen is chance too, which two models do not share.

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
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in models}
    chosen: dict[str, list[np.ndarray]] = {name: [np.zeros(2)] for name in models}
    for weights in resamples(labels, seed, units=judged.units):
        for name, model in models.items():
            fixed = np.full(len(weights), model.decision.threshold)
            drawn[name].append(money.values_per_1000(at_rest, gains, model.scores, weights, fixed))
    if known.any():
        whole = np.ones((1, len(labels)))
        chosen = {name: [] for name in models}
        for weights in resamples(known, seed + 1, units=around.validation_units):
            for name, model in models.items():
                thresholds = np.full(len(weights), model.decision.threshold)
                if model.chosen:
                    thresholds = money.best_thresholds(known_gains, model.held_out, weights)
                chosen[name].append(money.values_per_1000(at_rest, gains, model.scores, whole, thresholds))
    return _joined(drawn), _joined(chosen)


def _joined(blocks: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate(items) for name, items in blocks.items()}
