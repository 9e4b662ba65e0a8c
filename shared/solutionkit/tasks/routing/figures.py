"""Charts of rows that are sent somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from solutionkit.report.figures import Figure, rungs
from solutionkit.tasks.classification import figures as of_classes
from solutionkit.tasks.classification.coverage import coverage_chart

if TYPE_CHECKING:
    from solutionkit.tasks.routing.task import Routing

# Pairs of classes that are told of each model.
CONFUSED = 3


def figures(task: Routing, compared: dict[str, Any]) -> list[Figure]:
    """Accuracy by coverage, confusions where they can be drawn, calibration.

    Args:
        task: The classes.
        compared: Content of `comparison.json`.
    """
    from solutionkit.tasks.routing.task import MOST_DRAWN

    models = {name: compared["models"][name] for name in rungs(compared["models"])}
    curves = {
        name: [(item["share"], item["accuracy"]) for item in model["coverage"]]
        for name, model in models.items()
    }
    told = ", ".join(f"{name} {dict(curve)[0.8]:.1%}" for name, curve in curves.items())
    pairs = "; ".join(f"{name}: {most_confused(task, model['confusion'])}" for name, model in models.items())
    drawn = [
        Figure(
            coverage_chart(curves, "share of rows that are sent without a person"),
            f"Told rightly of the surest rows, by their share. Of 80 %: {told}. Most often confused: {pairs}",
        )
    ]
    shown = compared
    if len(task.classes) > MOST_DRAWN:
        shown = {**compared, "models": {name: {**model} for name, model in compared["models"].items()}}
        for model in shown["models"].values():
            model.pop("confusion", None)
    return [*drawn, *of_classes.figures(task, shown, {}, None)]


def most_confused(task: Routing, counts: list[list[int]]) -> str:
    """The classes that were most often taken for another.

    Args:
        task: Names them.
        counts: `(true, taken for)`.
    """
    table = np.array(counts)
    np.fill_diagonal(table, 0)
    order = np.argsort(-table, axis=None, kind="stable")[:CONFUSED]
    found = [divmod(int(place), len(table)) for place in order if table.flat[place]]
    names = task.classes
    return (
        ", ".join(f"{names[true]} for {names[taken]} ({table[true, taken]})" for true, taken in found)
        or "none"
    )
