"""Labels beside the one that decides: what each model says of them, compared as that one is."""

from __future__ import annotations

from typing import Any

import numpy as np

from solutionkit.compare.comparison import BASELINE, DEEP, TRIVIAL, judged_models, usual_margin
from solutionkit.compare.evaluation import Circumstances, EvaluationSet
from solutionkit.compare.metrics import difference, estimates, test_of
from solutionkit.compare.verdict import SHORT, judge
from solutionkit.declaration import Declaration
from solutionkit.tasks.base import Task
from solutionkit.tasks.decisions import Scores


def compare_further(
    judged: EvaluationSet,
    scores: Scores,
    validation: Scores,
    preferred: str,
    declaration: Declaration,
) -> dict[str, Any]:
    """Judge models of one further label on the rows that have it.

    Args:
        judged: These rows, see `rows_with_label`.
        scores: `(eval rows, outputs)` by model.
        validation: `(validation rows, outputs)` by model, of fits that did not see them.
        preferred: The metric that the use case goes by.
        declaration: The margin, and the seed of the bootstrap.

    Returns:
        That label's part of `comparison.json`.
    """
    task, labels, codes, seed = judged.task, judged.labels, judged.units, declaration.training.seed
    alone = task.trivial(judged.validation_labels)
    scores = {**scores, TRIVIAL: np.tile(alone, (len(labels), 1))}
    validation = {**validation, TRIVIAL: np.tile(alone, (len(judged.validation_labels), 1))}
    metrics = judged.metrics
    primary = metrics[task.deciding_metric(preferred, metrics)]
    estimated = {name: estimates(metric, labels, scores, seed, codes) for name, metric in metrics.items()}
    measured = difference(primary, labels, scores[BASELINE], scores[DEEP], seed, codes)
    margin = declaration.compare.margin or usual_margin(primary, estimated[primary.name][TRIVIAL].value)
    judgement = judge(
        primary.title, measured, margin, primary.higher_is_better, judged.unit, judged.unit_count
    )
    # What is declared to be worth something is worth it of the label that decides.
    decisions = task.decisions(judged, scores, validation, None, seed)
    models = judged_models(estimated, decisions)
    for name in scores:
        if name != TRIVIAL:
            models[name] |= task.diagnosis(judged, scores[name])
    return {
        "primary_metric": primary.name,
        "metrics": {name: metric.to_json() for name, metric in metrics.items()},
        "classes": task.label_counts(labels),
        "rows": len(labels),
        "models": models,
        "cautions": {name: task.cautions(decisions.told[name]) for name in scores if name != TRIVIAL},
        "difference": {**measured.to_json(), "test": test_of(primary, codes).name, "margin": margin},
        "verdict": judgement.verdict,
        "reason": judgement.reason,
    }


def rows_with_label(
    whole: EvaluationSet, task: Task, labels: np.ndarray, known: np.ndarray, places: np.ndarray
) -> EvaluationSet:
    """The rows that have a further label, as rows that are judged by it alone.

    Args:
        whole: All evaluation rows.
        task: What the label is.
        labels: `(eval rows,)` encoded labels, negative where a row has none.
        known: `(validation rows with the label,)` encoded labels.
        places: `(validation rows with the label,)` where they stand among all validation rows.
    """
    rows, units, held_out = labels >= 0, whole.units, whole.circumstances.validation_units
    return EvaluationSet(
        task=task,
        labels=labels[rows],
        validation_labels=known,
        train=whole.train,
        slices={name: values[rows] for name, values in whole.slices.items()},
        calibrated=whole.calibrated,
        false_alarm_rate=whole.false_alarm_rate,
        circumstances=Circumstances(
            None if units is None else np.unique(units[rows], return_inverse=True)[1],
            None if held_out is None else np.unique(held_out[places], return_inverse=True)[1],
        ),
        unit=whole.unit if units is not None else "row",
    )


def in_table(further: dict[str, dict[str, Any]]) -> tuple[tuple[str, ...], ...]:
    """A row a label: each model's value with its interval, and how far its probabilities are off.

    Args:
        further: That key of `comparison.json`.
    """
    names = [name for name in next(iter(further.values()))["models"] if name != TRIVIAL]
    rows = [("", "rows", *(f"{name}; calibration error" for name in names))]
    for label, found in further.items():
        cells = []
        for name in names:
            model = found["models"][name]
            metric = model["metrics"][found["primary_metric"]]
            off = (model.get("calibration") or {}).get("expected_calibration_error")
            told = f"{metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})"
            cells.append(told if off is None else f"{told}; {off:.3f}")
        title = found["metrics"][found["primary_metric"]]["title"]
        rows.append((f"{label} ({title})", f"{found['rows']:,}", *cells))
    return tuple(rows)


def in_words(further: dict[str, dict[str, Any]]) -> str:
    """What the models say of each further label, in a sentence or two.

    Args:
        further: That key of `comparison.json`.
    """
    told = []
    for label, found in further.items():
        primary = found["primary_metric"]
        values = ", ".join(
            f"{name} {item['metrics'][primary]['value']:.3f}" for name, item in found["models"].items()
        )
        title = found["metrics"][primary]["title"]
        told.append(f"{label} ({found['rows']:,} rows): {title} {values}. {SHORT[found['verdict']]}.")
    return " ".join(told)
