"""The whole comparison as `comparison.json` promises it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from solutionkit.compare import gates
from solutionkit.compare.evaluation import EvaluationSet
from solutionkit.compare.gates import IN_WORDS, Candidate, Scrutiny
from solutionkit.compare.inference import LEVEL, Difference, Estimate
from solutionkit.compare.learning import FEWEST_FOLDS, Learning
from solutionkit.compare.metrics import Metric, difference, estimates, test_of
from solutionkit.compare.slices import compare_slices
from solutionkit.compare.verdict import Judgement, judge
from solutionkit.declaration import Declaration
from solutionkit.tasks.decisions import Decisions, Scores

SIMPLE, BASELINE, DEEP, TRIVIAL = "simple", "baseline", "deep", "trivial"
# Where no margin is stated: of what the trivial predictor gets.
MARGIN_SHARE = 0.02
# Among equals the larger model ships only if it is clearly smaller after all.
CLEARLY_SMALLER = 0.5


@dataclass(frozen=True)
class ScoredModel:
    """A model's scores and costs.

    Attributes:
        evaluation: `(eval rows, outputs)` outputs.
        validation: `(validation rows, outputs)` outputs of a model not fitted on these rows.
        latency_ms: By batch, see `latency`.
        size_bytes: See `models.export.model_size`.
        facts: What training told; `train_seconds` among it.
        scrutiny: What was found out about it beyond its metrics.
    """

    evaluation: np.ndarray
    validation: np.ndarray
    latency_ms: dict[str, float]
    size_bytes: int
    facts: dict[str, Any] = field(default_factory=dict)
    scrutiny: Scrutiny = field(default_factory=Scrutiny)


def compare(
    use_case: str,
    primary_metric: str,
    judged: EvaluationSet,
    models: dict[str, ScoredModel],
    declaration: Declaration,
    repeats: Sequence[Scores] = (),
) -> dict[str, Any]:
    """Compare the baseline and the deep model, with a simple model and the trivial predictor beside them.

    Args:
        use_case: Its name.
        primary_metric: The metric that decides, one of those that mean something for the label.
        judged: What they are judged on.
        models: The scored models by name: `baseline`, `deep` and, if there is one, `simple`.
        declaration: Margin, worth of the outcomes, thresholds and the seed of the bootstrap.
        repeats: `(eval rows, outputs)` by model, of trainings with other seeds.

    Returns:
        The content of `comparison.json`.
    """
    metrics, seed = judged.metrics, declaration.training.seed
    primary = metrics[primary_metric]
    scores, validation = with_trivial(judged, models)
    both = {name: scores[name] for name in (BASELINE, DEEP)}
    decisions = judged.task.decisions(judged, scores, validation, declaration.business, seed)
    estimated = {
        name: estimates(metric, judged.labels, scores, seed, judged.units) for name, metric in metrics.items()
    }
    measured = difference(primary, judged.labels, both[BASELINE], both[DEEP], seed, judged.units)
    learning = learned_differently(judged, primary, measured, models, repeats, seed)
    by_rows = measured
    if learning:
        measured = learning.added_to(measured)
    margin = declaration.compare.margin or usual_margin(primary, estimated[primary.name][TRIVIAL].value)
    judgement = judge(
        primary.title, measured, margin, primary.higher_is_better, judged.unit, judged.unit_count, by_rows
    )
    order, why = preferred_order(judgement, models)
    pairs = [(BASELINE, DEEP)]
    ladder = {}
    if SIMPLE in models:
        preferred = order[0]
        behind = difference(primary, judged.labels, scores[preferred], scores[SIMPLE], seed, judged.units)
        if varied := learned_differently(judged, primary, behind, models, repeats, seed, (preferred, SIMPLE)):
            behind = varied.added_to(behind)
        enough = behind.no_worse(margin, primary.higher_is_better)
        at_worst = behind.interval(1.0 - 2.0 * LEVEL)[0 if primary.higher_is_better else 1]
        ladder[SIMPLE] = {
            "against": preferred,
            **behind.to_json(),
            "at_worst": at_worst,
            "no_worse": enough,
        }
        if enough:
            pairs.append((preferred, SIMPLE))
            order = [SIMPLE, *order]
            why = f"shown to be worse than the {IN_WORDS[preferred]} by less than {margin:.3g}, if at all"
    slices = compare_slices(judged, {name: scores[name] for name in models}, primary, seed, pairs)
    result = headings(use_case, primary, metrics, judged)
    result["models"] = judged_models(estimated, decisions)
    for name, model in models.items():
        result["models"][name] |= costs(model) | judged.task.diagnosis(judged, model.evaluation)
        result["models"][name] |= model.scrutiny.told
    result["difference"] = {
        "metric": primary.name,
        **measured.to_json(),
        "test": test_of(primary, judged.units).name,
        "margin": margin,
        "detectable": measured.detectable,
    }
    result["ladder"] = ladder
    objections = {name: model.scrutiny.objection for name, model in models.items()}
    result["objections"] = {name: told for name, told in objections.items() if told}
    result["cautions"] = {
        name: [
            *([f"{told[0].upper()}{told[1:]}."] if (told := objections[name]) else []),
            *judged.task.cautions(decisions.told[name]),
        ]
        for name in models
    }
    result["learning"] = learning.to_json(primary.higher_is_better) if learning else None
    if decisions.gain is not None:
        gain = decisions.gain(BASELINE, DEEP)
        result["business_difference"] = {**gain.to_json(), "currency": decisions.currency}
    result["slices"] = [item.to_json() for item in slices]
    result |= judged.circumstances.report(
        judged, {name: scores[name] for name in models}, {name: validation[name] for name in models}
    )

    def over_trivial(name: str) -> Difference:
        return difference(primary, judged.labels, scores[TRIVIAL], scores[name], seed, judged.units)

    candidates = {
        name: Candidate(
            name,
            other,
            over_trivial(name),
            primary.higher_is_better,
            {} if decisions.gain is None else {item: decisions.gain(item, name) for item in (other, TRIVIAL)},
            decisions.currency,
            {metric: item[name] for metric, item in estimated.items()},
            {item.title: found for item in slices if (found := item.towards(name, other)) is not None},
            margin,
            models[name].scrutiny.gate,
        )
        for name, other in instead_of(order)
    }
    return result | shipping(judgement, order, why, candidates, declaration.thresholds, metrics)


def instead_of(order: list[str]) -> list[tuple[str, str]]:
    """Each model that may ship, and the one that would ship but for it.

    Args:
        order: In which they may.
    """
    others = {BASELINE: DEEP, DEEP: BASELINE}
    return [(name, others.get(name) or order[1]) for name in order]


def learned_differently(
    judged: EvaluationSet,
    metric: Metric,
    measured: Difference,
    models: dict[str, ScoredModel],
    repeats: Sequence[Scores],
    seed: int,
    pair: tuple[str, str] = (BASELINE, DEEP),
) -> Learning | None:
    """How the difference varies among several fits of two models; None where there is but one.

    Args:
        judged: The evaluation rows, and what is known of the held-out ones.
        metric: The primary one.
        measured: The difference of the models at hand.
        models: By name.
        repeats: Outputs of trainings with other seeds.
        seed: Of the bootstrap.
        pair: The second model's value minus the first one's.
    """
    first, second = pair
    if repeats:
        others = [
            metric.value(judged.labels, item[second]) - metric.value(judged.labels, item[first])
            for item in repeats
        ]
        return Learning.of_seeds([measured.value, *others])
    if judged.validation_folds is None or not metric.of_slices:
        return None
    found, units = [], judged.circumstances.validation_units
    for fold in np.unique(judged.validation_folds):
        rows = judged.validation_folds == fold
        labels = judged.validation_labels[rows]
        if not metric.view.enough(labels):
            continue
        codes = None if units is None else np.unique(units[rows], return_inverse=True)[1]
        one, other = (models[name].validation[rows] for name in pair)
        found.append(difference(metric, labels, one, other, seed, codes))
    return Learning.of_folds(found) if len(found) >= FEWEST_FOLDS else None


def usual_margin(metric: Metric, trivial: float) -> float:
    """What is too little to matter, where nothing is declared.

    Args:
        metric: The metric.
        trivial: What the trivial predictor gets.
    """
    return metric.margin if metric.margin is not None else max(MARGIN_SHARE * abs(trivial), 1e-12)


def preferred_order(judgement: Judgement, models: dict[str, ScoredModel]) -> tuple[list[str], str]:
    """The models in the order in which they may ship, and why, among equals.

    Sizes decide and not times, which vary from run to run where the choice must not.

    Args:
        judgement: What the primary metric says.
        models: By name.
    """
    if judgement.verdict in (DEEP, BASELINE):
        return sorted((BASELINE, DEEP), key=lambda name: name != judgement.verdict), ""
    baseline, deep = (models[name].size_bytes for name in (BASELINE, DEEP))
    if deep < CLEARLY_SMALLER * baseline:
        return [DEEP, BASELINE], "because it is less than half as large"
    return [BASELINE, DEEP], "being the simpler of the two"


def shipping(
    judgement: Judgement,
    order: list[str],
    why: str,
    candidates: dict[str, Candidate],
    thresholds: dict[str, float],
    metrics: dict[str, Metric],
) -> dict[str, Any]:
    """Which model ships, and why: the preferred one that passes all gates, or none.

    Args:
        judgement: What the primary metric says.
        order: In which models may ship.
        why: The first of them is preferred, if the verdict does not say so.
        candidates: What gates read, by model.
        thresholds: Declared bounds by metric.
        metrics: All, by name.

    Returns:
        Keys of `comparison.json`.
    """
    higher = {name: metric.higher_is_better for name, metric in metrics.items()}
    told: list[dict[str, Any]] = []
    refused: list[str] = []
    selected = None
    for name in order:
        found = candidates[name].gates(thresholds, higher)
        told += gates.to_json(name, found)
        broken = [gate.why for gate in found if not gate.held]
        if not broken:
            selected = name
            break
        refused.append(f"the {IN_WORDS[name]} does not ship: {'; '.join(broken)}")
    sentences = [judgement.reason, *(f"{text[0].upper()}{text[1:]}." for text in refused)]
    if selected is None:
        sentences.append("Nothing ships.")
    elif refused:
        sentences.append(f"The {IN_WORDS[selected]} ships instead.")
    elif why:
        sentences.append(f"The {IN_WORDS[selected]} ships, {why}.")
    return {
        "verdict": judgement.verdict,
        "preferred": order[0],
        "selected": selected,
        "reason": " ".join(sentences),
        "gates": told,
    }


def shown_model(result: dict[str, Any]) -> str:
    """The model that ships; where none does, the one that would but for its gates."""
    return str(result["selected"] or result["preferred"])


def with_trivial(judged: EvaluationSet, models: dict[str, ScoredModel]) -> tuple[Scores, Scores]:
    """Outputs on evaluation and on validation rows of the models and of the trivial predictor."""
    around = judged.circumstances
    scores = {name: model.evaluation for name, model in models.items()}
    validation = {name: model.validation for name, model in models.items()}
    if around.trivial is not None and around.validation_trivial is not None:
        scores[TRIVIAL], validation[TRIVIAL] = around.trivial, around.validation_trivial
        return scores, validation
    said = judged.task.trivial(judged.validation_labels)
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
        "units": {"name": judged.unit, "eval": judged.unit_count},
    }


def judged_models(
    estimated: dict[str, dict[str, Estimate]], decisions: Decisions
) -> dict[str, dict[str, Any]]:
    """Each model's metrics with their intervals, and what its decisions are worth.

    Args:
        estimated: By metric, by model.
        decisions: What each model's outputs lead to.
    """
    return {
        model: {
            "metrics": {name: found[model].to_json() for name, found in estimated.items()},
            "business": told,
        }
        for model, told in decisions.told.items()
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
