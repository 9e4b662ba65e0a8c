"""Labels beside the one that decides: what each model says of them, compared as that one is."""

from __future__ import annotations

from typing import Any

import numpy as np

from solutionkit.compare.comparison import BASELINE, DEEP, TRIVIAL, usual_margin
from solutionkit.compare.evaluation import EvaluationSet
from solutionkit.compare.metrics import difference, estimates, test_of
from solutionkit.compare.verdict import SHORT, judge
from solutionkit.declaration import Declaration
from solutionkit.tasks.base import Scores, Task


def compare_further(
    task: Task,
    labels: np.ndarray,
    known: np.ndarray,
    scores: Scores,
    judged: EvaluationSet,
    preferred: str,
    declaration: Declaration,
) -> dict[str, Any]:
    """Judge models of one further label on the rows that have it.

    Args:
        task: What the label is.
        labels: `(eval rows,)` encoded labels, negative where a row has none.
        known: `(training rows,)` encoded labels of the training side, without rows that have none.
        scores: `(eval rows, outputs)` by model.
        judged: All evaluation rows: what units are.
        preferred: The metric that the use case goes by.
        declaration: The margin, and the seed of the bootstrap.

    Returns:
        That label's part of `comparison.json`.
    """
    rows, units, seed = labels >= 0, judged.units, declaration.training.seed
    told, true = {name: item[rows] for name, item in scores.items()}, labels[rows]
    told[TRIVIAL] = np.tile(task.trivial(known), (len(true), 1))
    codes = None if units is None else np.unique(units[rows], return_inverse=True)[1]
    metrics = task.metrics()
    primary = metrics[task.deciding_metric(preferred, metrics)]
    estimated = {name: estimates(metric, true, told, seed, codes) for name, metric in metrics.items()}
    measured = difference(primary, true, told[BASELINE], told[DEEP], seed, codes)
    margin = declaration.compare.margin or usual_margin(primary, estimated[primary.name][TRIVIAL].value)
    count = len(true) if codes is None else int(codes.max(initial=-1)) + 1
    unit = judged.unit if codes is not None else "row"
    judgement = judge(primary.title, measured, margin, primary.higher_is_better, unit, count)
    return {
        "primary_metric": primary.name,
        "metrics": {name: metric.to_json() for name, metric in metrics.items()},
        "classes": task.label_counts(true),
        "rows": int(rows.sum()),
        "models": {
            name: {"metrics": {metric: found[name].to_json() for metric, found in estimated.items()}}
            for name in told
        },
        "difference": {**measured.to_json(), "test": test_of(primary, codes).name, "margin": margin},
        "verdict": judgement.verdict,
        "reason": judgement.reason,
    }


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
