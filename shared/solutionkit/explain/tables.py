"""Both models of a table explained on the same rows: the content of `explanations.json`."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np

from solutionkit.compare.metrics import detection_scores
from solutionkit.explain import summary
from solutionkit.explain.attribution import Attribution
from solutionkit.explain.loading import ModelExplainer
from solutionkit.explain.reasons import group_names, grouped, raw_cells, reasons
from solutionkit.models.arrays import Arrays
from solutionkit.models.export import raw_columns
from solutionkit.models.gradient_boosting import RARE_SHARE

GLOBAL_ROWS = 400
SHOWN_ALERTS = 10


class RowExplainer(Protocol):
    """Explains rows of transformed columns."""

    method: str

    def explain(self, rows: Arrays) -> Attribution:
        """Contributions of each column to each row's log odds."""
        ...


def explain_tables(
    examples: np.ndarray,
    labels: np.ndarray,
    ids: list[str],
    explainers: dict[str, ModelExplainer],
    probabilities: dict[str, np.ndarray],
    selected: str,
    threshold: float,
    seed: int,
) -> dict[str, Any]:
    """Explain both models.

    Args:
        examples: `(rows,)` serialized tf.Examples of the evaluation split.
        labels: `(rows,)` of 0 and 1.
        ids: What to call each row.
        explainers: By model name.
        probabilities: `(rows, 1)` by model name.
        selected: The model whose hits and misses are shown as single rows.
        threshold: That model's decision threshold.
        seed: Draws the rows of the global view.

    Returns:
        The content of `explanations.json`.
    """
    spec = next(iter(explainers.values())).spec
    columns = spec.model_columns
    scores = {name: detection_scores(item) for name, item in probabilities.items()}
    notable = summary.notable_rows(labels, scores[selected], threshold)
    alerts = strongest_alerts(scores[selected], threshold)
    drawn = rows_to_draw(labels, seed)
    rows = np.concatenate([drawn, np.array(list(notable.values()), np.int64), alerts])
    values = raw_columns(examples[rows], spec)
    values = {name: decode(column) for name, column in raw_cells(values, spec).items()}
    everything = {
        name: model.explainer.explain(model.transform(examples[rows])) for name, model in explainers.items()
    }
    overall = {name: item.take(slice(len(drawn))) for name, item in everything.items()}
    drawn_values = {name: column[: len(drawn)] for name, column in values.items()}
    shown = summary.strongest(list(overall.values()), columns)
    models = {
        name: {
            "method": explainers[name].explainer.method,
            "base_value": float(item.base.mean()),
            "residual": summary.residual(item),
            "global": summary.ranking(item, columns),
            "dependence": summary.dependence(item, columns, drawn_values, shown),
            "groups": summary.ranking(
                dataclasses.replace(item, values=grouped(item.values, spec)), group_names(spec)
            ),
        }
        for name, item in overall.items()
    }
    single = [
        {
            "kind": kind,
            "id": ids[row],
            "label": spec.classes[int(labels[row])],
            "score": {name: float(score[row]) for name, score in scores.items()},
            "columns": summary.contributions(len(drawn) + position, everything, columns, values),
        }
        for position, (kind, row) in enumerate(notable.items())
    ]
    first = len(drawn) + len(notable)
    alerted = [
        {
            "id": ids[row],
            "label": spec.classes[int(labels[row])],
            "score": {name: float(score[row]) for name, score in scores.items()},
            "reasons": {
                name: reasons(
                    item.values[first + position],
                    {column: values[column][first + position] for column in columns},
                    spec,
                )
                for name, item in everything.items()
            },
        }
        for position, row in enumerate(alerts)
    ]
    return {
        "kind": "columns",
        "unit": "log odds",
        "rows": len(drawn),
        "positive_rows": int((labels[drawn] > 0).sum()),
        "models": models,
        "agreement": summary.agreement(overall["baseline"], overall["deep"], columns),
        "single_rows": single,
        "alerts": alerted,
    }


def strongest_alerts(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Positions of the flagged rows with the largest scores, largest first."""
    order = np.argsort(-scores, kind="stable")[:SHOWN_ALERTS]
    return order[scores[order] >= threshold]


def rows_to_draw(labels: np.ndarray, seed: int) -> np.ndarray:
    """Positions of the rows of the global view, ascending; where positives are rare half of them are
    positive.

    Of rare positives a plain draw would hold a handful, and what moves the score of all others is little.
    """
    random = np.random.default_rng(seed)
    positives = np.flatnonzero(labels > 0)
    if not 0 < len(positives) < RARE_SHARE * len(labels):
        return np.sort(random.permutation(len(labels))[:GLOBAL_ROWS])
    some = random.permutation(positives)[: GLOBAL_ROWS // 2]
    others = random.permutation(np.flatnonzero(labels == 0))[: GLOBAL_ROWS - len(some)]
    return np.sort(np.concatenate([some, others]))


def decode(column: np.ndarray) -> np.ndarray:
    """Byte strings as text."""
    if column.dtype.kind != "O":
        return column
    return np.array([value.decode("utf-8") for value in column], object)
