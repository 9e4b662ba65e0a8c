"""The whole comparison as `comparison.json` promises it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from solutionkit.compare.evaluation import EvaluationSet
from solutionkit.compare.metrics import Metric, difference, estimates
from solutionkit.compare.slices import compare_slices
from solutionkit.compare.verdict import Cost, decide
from solutionkit.declaration import Business
from solutionkit.tasks.base import Scores

BASELINE, DEEP, TRIVIAL = "baseline", "deep", "trivial"


@dataclass(frozen=True)
class ScoredModel:
    """A model's scores and costs.

    Attributes:
        evaluation: `(eval rows, outputs)` outputs.
        validation: `(validation rows, outputs)` outputs of a model not fitted on these rows.
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


def compare(
    use_case: str,
    primary_metric: str,
    judged: EvaluationSet,
    models: dict[str, ScoredModel],
    business: Business | None,
    seed: int,
) -> dict[str, Any]:
    """Compare the baseline and the deep model, with the trivial predictor beside them.

    Args:
        use_case: Its name.
        primary_metric: The metric that decides, one of those that mean something for the label.
        judged: What they are judged on.
        models: The scored models by name: `baseline` and `deep`.
        business: Worth of the outcomes, if declared.
        seed: Of the bootstrap.

    Returns:
        The content of `comparison.json`.
    """
    metrics = judged.metrics
    primary = metrics[primary_metric]
    scores, validation = with_trivial(judged, models)
    both = {name: scores[name] for name in (BASELINE, DEEP)}
    decisions = judged.task.decisions(judged, scores, validation, business, seed)
    result = headings(use_case, primary, metrics, judged)
    result["models"] = judged_models(judged, metrics, scores, decisions, seed)
    for name, model in models.items():
        result["models"][name] |= costs(model) | judged.task.diagnosis(judged, model.evaluation)
    result["difference"] = difference(primary, judged.labels, both[BASELINE], both[DEEP], seed, judged.units)
    gain = judged.task.decision_difference(judged, scores, decisions, business, seed)
    if gain is not None:
        result["business_difference"] = gain
    result["slices"] = compare_slices(judged, both, primary, seed)
    result |= judged.circumstances.report(judged.labels, both)
    return result | verdict(primary, result["difference"], models)


def with_trivial(judged: EvaluationSet, models: dict[str, ScoredModel]) -> tuple[Scores, Scores]:
    """Outputs on evaluation and on validation rows of the models and of the trivial predictor."""
    said = judged.task.trivial(judged.validation_labels)
    scores = {name: models[name].evaluation for name in (BASELINE, DEEP)}
    validation = {name: models[name].validation for name in (BASELINE, DEEP)}
    scores[TRIVIAL] = np.tile(said, (len(judged.labels), 1))
    validation[TRIVIAL] = np.tile(said, (len(judged.validation_labels), 1))
    return scores, validation


def headings(
    use_case: str, primary: Metric, metrics: dict[str, Metric], judged: EvaluationSet
) -> dict[str, Any]:
    """What was judged, and by what.

    Args:
        use_case: The use case's name.
        primary: The metric that decides.
        metrics: All metrics, by name.
        judged: The rows.
    """
    return {
        "use_case": use_case,
        "run_id": "",
        "primary_metric": primary.name,
        "higher_is_better": primary.higher_is_better,
        "metrics": {name: metric.to_json() for name, metric in metrics.items()},
        "classes": judged.task.label_counts(judged.labels),
        "rows": {
            "train": judged.train,
            "eval": len(judged.labels),
            "validation": len(judged.validation_labels),
            **judged.task.row_counts(judged.labels),
        },
    }


def judged_models(
    judged: EvaluationSet,
    metrics: dict[str, Metric],
    scores: Scores,
    decisions: dict[str, dict[str, Any]],
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Each model's metrics with their intervals, and what its decisions are worth.

    Args:
        judged: The rows.
        metrics: The metrics, by name.
        scores: `(rows, outputs)` by model.
        decisions: What each model's decisions are worth, see `Task.decisions`.
        seed: Of the resamples.
    """
    estimated = {
        name: estimates(metric, judged.labels, scores, seed, judged.units) for name, metric in metrics.items()
    }
    return {
        model: {
            "metrics": {name: estimate[model].to_json() for name, estimate in estimated.items()},
            "business": decisions[model],
        }
        for model in scores
    }


def costs(model: ScoredModel) -> dict[str, Any]:
    """What a model costs, and what its training told."""
    facts = dict(model.facts)
    return {
        "train_seconds": round(facts.pop("train_seconds"), 3),
        "latency_ms": model.latency_ms,
        "size_bytes": model.size_bytes,
        "training": facts,
    }


def verdict(primary: Metric, difference: dict[str, Any], models: dict[str, ScoredModel]) -> dict[str, Any]:
    """Which model is better, which one ships, and why."""
    decision = decide(
        primary.title,
        difference["value"],
        difference["low"],
        difference["high"],
        difference["p_value"],
        primary.higher_is_better,
        models[BASELINE].cost,
        models[DEEP].cost,
    )
    return {"verdict": decision.verdict, "selected": decision.selected, "reason": decision.reason}
