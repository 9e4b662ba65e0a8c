"""The whole comparison as `comparison.json` promises it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from solutionkit.compare import money
from solutionkit.compare.bootstrap import Estimate, interval, paired_draws, resamples, two_sided_p
from solutionkit.compare.calibration import calibration
from solutionkit.compare.delong import delong
from solutionkit.compare.metrics import METRICS
from solutionkit.compare.slices import compare_slices, estimate
from solutionkit.compare.verdict import Cost, decide
from solutionkit.declaration import Business

BASELINE, DEEP, TRIVIAL = "baseline", "deep", "trivial"


@dataclass(frozen=True)
class ScoredModel:
    """A model's scores and costs.

    Attributes:
        evaluation: `(eval rows,)` probabilities.
        validation: `(validation rows,)` probabilities by a model not fitted on these rows.
        latency_ms: By batch, see `latency`.
        size_bytes: Of the SavedModel.
        facts: What training told; `train_seconds` among it.
    """

    evaluation: np.ndarray
    validation: np.ndarray
    latency_ms: dict[str, float]
    size_bytes: int
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def cost(self) -> Cost:
        """What decides a tie."""
        return Cost(self.latency_ms["batch_1"], self.size_bytes, self.facts["train_seconds"])


@dataclass(frozen=True)
class Rows:
    """What both models are judged on.

    Attributes:
        labels: `(eval rows,)` of 0 and 1.
        validation_labels: `(validation rows,)` of 0 and 1.
        train: Number of rows on the training side, validation rows included.
        slices: Columns to slice by, each `(eval rows,)`.
    """

    labels: np.ndarray
    validation_labels: np.ndarray
    train: int
    slices: dict[str, np.ndarray] = field(default_factory=dict)


def compare(
    use_case: str,
    primary_metric: str,
    rows: Rows,
    models: dict[str, ScoredModel],
    business: Business | None,
    seed: int,
) -> dict[str, Any]:
    """Compare the baseline and the deep model, with the trivial predictor beside them.

    Args:
        use_case: Its name.
        primary_metric: The metric that decides, a key of `METRICS`.
        rows: What they are judged on.
        models: The scored models by name: `baseline` and `deep`.
        business: Worth of the outcomes, if declared.
        seed: Of the bootstrap.

    Returns:
        The content of `comparison.json`.
    """
    labels = rows.labels
    prior = float(rows.validation_labels.mean())
    scores = {BASELINE: models[BASELINE].evaluation, DEEP: models[DEEP].evaluation}
    scores[TRIVIAL] = np.full(len(labels), prior)
    validation = {BASELINE: models[BASELINE].validation, DEEP: models[DEEP].validation}
    validation[TRIVIAL] = np.full(len(rows.validation_labels), prior)

    metrics = _metrics(labels, scores, seed)
    decisions = _decisions(rows, scores, validation, business, seed)
    result: dict[str, Any] = {"use_case": use_case, "run_id": "", "primary_metric": primary_metric}
    result["higher_is_better"] = METRICS[primary_metric].higher_is_better
    result["rows"] = {
        "train": rows.train,
        "eval": len(labels),
        "validation": len(rows.validation_labels),
        "eval_positive": int(labels.sum()),
    }
    result["models"] = {name: {"metrics": metrics[name], "business": decisions[name]} for name in scores}
    for name, model in models.items():
        facts = dict(model.facts)
        result["models"][name] |= {
            "train_seconds": round(facts.pop("train_seconds"), 3),
            "latency_ms": model.latency_ms,
            "size_bytes": model.size_bytes,
            "calibration": calibration(labels, model.evaluation),
            "training": facts,
        }
    result["difference"] = difference(labels, scores[BASELINE], scores[DEEP], primary_metric, seed)
    if business:
        result["business_difference"] = _business_difference(labels, scores, decisions, business, seed)
    both = {name: scores[name] for name in (BASELINE, DEEP)}
    result["slices"] = compare_slices(rows.slices, labels, both, primary_metric, seed)
    found = result["difference"]
    decision = decide(
        METRICS[primary_metric].title,
        found["value"],
        found["low"],
        found["high"],
        found["p_value"],
        METRICS[primary_metric].higher_is_better,
        models[BASELINE].cost,
        models[DEEP].cost,
    )
    result |= {"verdict": decision.verdict, "selected": decision.selected, "reason": decision.reason}
    return result


def difference(
    labels: np.ndarray, baseline: np.ndarray, deep: np.ndarray, metric: str, seed: int
) -> dict[str, Any]:
    """The deep model's metric minus the baseline's, with interval and paired test."""
    if metric == "roc_auc":
        value, low, high, p_value = delong(labels, np.stack([baseline, deep])).difference()
        test = "delong"
    else:
        function = METRICS[metric]
        draws = paired_draws(function.function, labels, [baseline, deep], seed)
        value = function.value(labels, deep) - function.value(labels, baseline)
        found = interval(value, draws[1] - draws[0])
        low, high, p_value, test = found.low, found.high, two_sided_p(draws[1] - draws[0]), "paired_bootstrap"
    return {"metric": metric, "value": value, "low": low, "high": high, "p_value": p_value, "test": test}


def _metrics(
    labels: np.ndarray, scores: dict[str, np.ndarray], seed: int
) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in scores}
    for metric in METRICS:
        for name, item in estimate(labels, scores, metric, seed).items():
            found[name][metric] = item.to_json()
    return found


def _decisions(
    rows: Rows,
    scores: dict[str, np.ndarray],
    validation: dict[str, np.ndarray],
    business: Business | None,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Each model's threshold, what it leads to and what that is worth, if a worth is declared."""
    decisions: dict[str, dict[str, Any]] = {}
    for name, score in scores.items():
        threshold = money.best_threshold(rows.validation_labels, validation[name], business)
        decisions[name] = {"threshold": threshold, "value_per_1000": None}
        decisions[name]["outcomes"] = money.outcomes(rows.labels, score, threshold)
        if business:
            found = _value(rows.labels, score, threshold, business, seed)
            decisions[name] |= {"value_per_1000": found.value, "low": found.low, "high": found.high}
            decisions[name]["currency"] = business.currency
    return decisions


def _value(
    labels: np.ndarray, score: np.ndarray, threshold: float, business: Business, seed: int
) -> Estimate:
    everything = np.ones((1, len(labels)))
    value = float(money.value_per_1000(labels, score, everything, threshold, business)[0])
    draws = [
        money.value_per_1000(labels, score, weights, threshold, business)
        for weights in resamples(labels, seed)
    ]
    return interval(value, np.concatenate(draws))


def _business_difference(
    labels: np.ndarray,
    scores: dict[str, np.ndarray],
    decisions: dict[str, dict[str, Any]],
    business: Business,
    seed: int,
) -> dict[str, Any]:
    """Value of 1,000 decisions: the deep model's minus the baseline's, by the paired bootstrap."""
    per_row = {
        name: money.row_values(labels, scores[name] >= decisions[name]["threshold"], business)
        for name in (BASELINE, DEEP)
    }
    gain = money.PER * (per_row[DEEP] - per_row[BASELINE])
    draws = np.concatenate([weights @ gain / weights.sum(axis=1) for weights in resamples(labels, seed)])
    found = interval(float(gain.mean()), draws)
    return {
        **found.to_json(),
        "p_value": two_sided_p(draws),
        "currency": business.currency,
        "resamples": len(draws),
    }
