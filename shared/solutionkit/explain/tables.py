"""The models of a table explained on the same rows: the content of `explanations.json`."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np

from solutionkit.explain import summary
from solutionkit.explain.attribution import Attribution
from solutionkit.explain.evaluated import EvaluatedModels
from solutionkit.explain.reasons import by_subject, raw_cells, reasons, subject_names
from solutionkit.explain.sampled import Checkable, cross_check
from solutionkit.kinds import kind_of
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.export import raw_columns
from solutionkit.models.heads import RARE_SHARE

GLOBAL_ROWS = 400
SHOWN_ALERTS = 10


class RowExplainer(Protocol):
    """Explains rows of transformed columns."""

    method: str

    def explain(self, rows: TransformedSplit, targets: np.ndarray) -> Attribution:
        """Contributions of each column to each row's `Task.margin` of its target."""
        ...


def explain_tables(evaluated: EvaluatedModels) -> dict[str, Any]:
    """Explain the models.

    Args:
        evaluated: The models, and the rows.

    Returns:
        The content of `explanations.json`.
    """
    examples, labels, ids = evaluated.examples, evaluated.labels, evaluated.ids
    explainers, outputs, selected = evaluated.explainers, evaluated.outputs, evaluated.selected
    spec = evaluated.spec
    task, columns = spec.task, spec.model_columns
    kinds = task.notable(labels, outputs[selected], evaluated.decision)
    notable = [(kind, row) for kind, rows in kinds.items() for row in rows]
    alerts = task.alerts(outputs[selected], evaluated.decision, SHOWN_ALERTS)
    drawn = rows_to_draw(task.marked(labels), evaluated.seed)
    rows = np.concatenate([drawn, np.array([row for _, row in notable], np.int64), alerts])
    targets = task.targets(outputs[selected][rows])
    scores = {name: task.score(item[rows], targets) for name, item in outputs.items()}
    values = raw_columns(examples[rows], spec)
    values = {name: decode(column) for name, column in raw_cells(values, spec).items()}
    arrays = {name: model.transform(examples[rows]) for name, model in explainers.items()}
    found = {name: model.explainer.explain(arrays[name], targets) for name, model in explainers.items()}
    everything = {name: item.by_column(spec) for name, item in found.items()}
    overall = {name: item.take(slice(len(drawn))) for name, item in everything.items()}
    drawn_values = {
        feature.name: kind_of(feature).on_axis(values[feature.name][: len(drawn)]) for feature in spec.ordered
    }
    shown = summary.strongest(list(overall.values()), columns)
    # A curve is of one thing: of the class that is told most often, where each row has its own.
    curve = int(np.bincount(targets[: len(drawn)]).argmax())
    curves = overall
    if (targets[: len(drawn)] != curve).any():
        curves = {
            name: model.explainer.explain(
                model.transform(examples[drawn]), np.full(len(drawn), curve)
            ).by_column(spec)
            for name, model in explainers.items()
        }
    models = {
        name: {
            "method": explainers[name].explainer.method,
            "base_value": float(item.base.mean()),
            "residual": summary.residual(item),
            "reliability": item.reliability,
            "cross_check": cross_check(
                explainers[name].explainer,
                arrays[name],
                targets,
                found[name].take(slice(len(drawn))),
                evaluated.seed,
            )
            if isinstance(explainers[name].explainer, Checkable)
            else None,
            "global": summary.ranking(item, columns),
            "dependence": summary.dependence(curves[name], columns, drawn_values, shown),
            "groups": summary.ranking(
                dataclasses.replace(item, values=by_subject(item.values, spec)), subject_names(spec)
            ),
        }
        for name, item in overall.items()
    }

    def told(place: int, row: int) -> dict[str, Any]:
        return {
            "id": ids[row],
            "label": task.told(labels[row]),
            "score": {name: float(score[place]) for name, score in scores.items()},
        }

    first = len(drawn) + len(notable)
    return {
        "kind": "columns",
        "unit": task.margin_unit,
        "rows": len(drawn),
        "positive_rows": int(task.marked(labels[drawn]).sum()),
        "models": models,
        "dependence_of": task.target_name(curve),
        "agreement": summary.agreement(overall["baseline"], overall["deep"], columns),
        "single_rows": [
            {
                "kind": kind,
                **told(place, row),
                "columns": summary.contributions(place, everything, columns, values),
            }
            for place, (kind, row) in enumerate(notable, start=len(drawn))
        ],
        "alerts": [
            {
                **told(place, row),
                "reasons": {
                    name: reasons(
                        item.values[place], {column: values[column][place] for column in columns}, spec
                    )
                    for name, item in everything.items()
                },
            }
            for place, row in enumerate(alerts, start=first)
        ],
    }


def rows_to_draw(marked: np.ndarray, seed: int) -> np.ndarray:
    """Positions of the rows of the global view, ascending; half of them are marked where such are rare.

    Of rare positives a plain draw would hold a handful, and what moves the score of all others is little.

    Args:
        marked: `(rows,)` truth values.
        seed: Of the draw.
    """
    random = np.random.default_rng(seed)
    positives = np.flatnonzero(marked)
    if not 0 < len(positives) < RARE_SHARE * len(marked):
        return np.sort(random.permutation(len(marked))[:GLOBAL_ROWS])
    some = random.permutation(positives)[: GLOBAL_ROWS // 2]
    others = random.permutation(np.flatnonzero(~marked))[: GLOBAL_ROWS - len(some)]
    return np.sort(np.concatenate([some, others]))


def decode(column: np.ndarray) -> np.ndarray:
    """Byte strings as text."""
    if column.dtype.kind != "O":
        return column
    return np.array([value.decode("utf-8") for value in column], object)
