"""Charts of how well classifiers do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from solutionkit.compare.decision import Decision
from solutionkit.declaration import Business
from solutionkit.report import charts
from solutionkit.report.figures import Figure, rungs
from solutionkit.tasks.classification.metrics import detected, detection_scores

if TYPE_CHECKING:
    from solutionkit.tasks.classification.task import Classification


def figures(
    task: Classification,
    compared: dict[str, Any],
    scores: dict[str, np.ndarray],
    business: dict[str, Any] | None,
) -> list[Figure]:
    """Curves of the decision, confusions, calibration and money, of these what there is.

    Args:
        task: The classes.
        compared: Content of `comparison.json`.
        scores: Arrays of `scores.npz`.
        business: What the outcomes are worth, if declared.
    """
    models = {name: compared["models"][name] for name in rungs(compared["models"])}
    drawn = curves(task, scores) if task.has_negative_class else []
    drawn += [
        Figure(
            charts.confusion_chart(model["confusion"], list(task.classes), name),
            f"Which class ({task.label}, down) was taken for which (across): {name}",
        )
        for name, model in models.items()
        if "confusion" in model
    ]
    if models["deep"]["calibration"]:
        found = {name: model["calibration"] for name, model in models.items()}
        gaps = [
            f"{name} {item['expected_calibration_error']:.3f} (chance: up to {item['by_chance']['high']:.3f})"
            for name, item in found.items()
        ]
        of_what = "" if task.has_negative_class else "of the likeliest class "
        drawn.append(
            Figure(
                charts.calibration_chart({name: item["corp"]["curve"] for name, item in found.items()}),
                f"Calibration {of_what}by isotonic regression; shaded is where 90 % of curves of perfect"
                f" probabilities would lie. Mean gap over tenths of the rows: {', '.join(gaps)}",
            )
        )
    # With a budget what is flagged hangs on a day's other rows, which no curve shows.
    if business and task.has_negative_class and not business["alert_budget"]:
        drawn.append(money(models, scores, Business(**business)))
    return drawn


def curves(task: Classification, scores: dict[str, np.ndarray]) -> list[Figure]:
    """ROC and precision-recall."""
    labels = detected(scores["labels"])
    detection = {name: detection_scores(scores[name]) for name in rungs(scores)}
    against = f": {task.positive_name} against the rest" if len(task.classes) > 2 else ""
    return [
        Figure(charts.roc_chart(labels, detection), f"ROC curves{against}"),
        Figure(charts.precision_recall_chart(labels, detection), "Precision and recall"),
    ]


def money(models: dict[str, Any], scores: dict[str, np.ndarray], business: Business) -> Figure:
    """Worth by threshold."""
    thresholds, suspicion, unit = {}, {}, ""
    for name in models:
        decision = Decision.from_json(models[name]["business"])
        assert decision is not None
        if decision.expected:
            decision = decision.of_rows({decision.expected.amount: scores["amounts"]})
            unit = f" ({business.currency} that flagging is expected to add)"
        thresholds[name] = decision.threshold
        suspicion[name] = decision.suspicion(detection_scores(scores[name]))
    labels = detected(scores["labels"])
    return Figure(
        charts.money_chart(labels, suspicion, thresholds, business, scores.get("amounts")),
        f"Worth of 1,000 decisions on the evaluation rows by threshold{unit}; dots mark the thresholds chosen"
        " beforehand",
    )
