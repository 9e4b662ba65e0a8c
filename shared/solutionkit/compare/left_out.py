"""How well models tell rows of a value that they learned nothing of, beside the models that did.

Of hospitals, plants or regions that the model has not seen, evaluation rows of those that it has say little
(J. Zech et al., PLOS Medicine 15, 2018). Each value is left out of training once (leave one out), and its
evaluation rows are told by both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from solutionkit.compare.evaluation import EvaluationSet
from solutionkit.compare.inference import holm
from solutionkit.compare.metrics import Metric, difference, estimates
from solutionkit.decimals import decimals, p_in_words
from solutionkit.tasks.decisions import Scores

# Of a value, to be told of.
FEWEST_ROWS = 30
WITH, WITHOUT = "with", "without"


@dataclass(frozen=True)
class LeftOut:
    """What models say that saw no row of a value.

    Attributes:
        value: The value.
        rows: `(eval rows,)` which have it.
        scores: `(rows with it, outputs)` by model.
    """

    value: str
    rows: np.ndarray
    scores: Scores


def compare_left_out(
    judged: EvaluationSet, metric: Metric, scores: Scores, column: str, found: list[LeftOut], seed: int
) -> dict[str, Any]:
    """Each value's rows by models with and without it, as `comparison.json` has it under `left_out`.

    Args:
        judged: All evaluation rows.
        metric: The primary one.
        scores: `(eval rows, outputs)` by model.
        column: Of the values.
        found: What was left out.
        seed: Of the bootstrap.
    """
    told: list[dict[str, Any]] = []
    for item in found:
        labels = judged.labels[item.rows]
        if len(labels) < FEWEST_ROWS or not metric.of_slices or not metric.view.enough(labels):
            continue
        units = judged.units
        codes = None if units is None else np.unique(units[item.rows], return_inverse=True)[1]
        models = {}
        for name, without in item.scores.items():
            both = {WITH: scores[name][item.rows], WITHOUT: without}
            values = estimates(metric, labels, both, seed, codes)
            lost = difference(metric, labels, both[WITH], both[WITHOUT], seed, codes)
            models[name] = {
                **{which: value.to_json() for which, value in values.items()},
                "difference": lost.to_json(),
            }
        count = len(labels) if codes is None else int(codes.max()) + 1
        told.append({"value": item.value, "rows": len(labels), "units": count, "models": models})
    every = [model["difference"] for item in told for model in item["models"].values()]
    for item, corrected in zip(every, holm([item["p_value"] for item in every]), strict=True):
        item["p_corrected"] = corrected
    return {"column": column, "values": told}


def in_words(left_out: dict[str, Any], title: str) -> str:
    """What the table is of."""
    if not left_out["values"]:
        return (
            f"No value of '{left_out['column']}' could be left out: too few rows of it evaluate, or too"
            " little is left to learn from."
        )
    return (
        f"{title} of each {left_out['column']}'s evaluation rows, by the models and by models that were"
        " trained again without any row of it; p-values are corrected for their number. The latter is what a"
        " new one may expect."
    )


def in_table(left_out: dict[str, Any], names: list[str]) -> tuple[tuple[str, ...], ...]:
    """A row a value: of each model both values, and whether they differ.

    Args:
        left_out: That key of `comparison.json`.
        names: The models, in order.
    """
    if not left_out["values"]:
        return ()
    rows = [(left_out["column"], "rows", *(f"{name}: with, without, p" for name in names))]
    for item in left_out["values"]:
        cells = []
        for name in names:
            found = item["models"][name]
            both = ", ".join(
                f"{decimals(found[which]['value'], 3)} ({decimals(found[which]['low'], 3)} to"
                f" {decimals(found[which]['high'], 3)})"
                for which in (WITH, WITHOUT)
            )
            cells.append(f"{both}, {p_in_words(found['difference']['p_corrected'])}")
        rows.append((item["value"], f"{item['rows']:,}", *cells))
    return tuple(rows)
