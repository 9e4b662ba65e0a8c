"""Labels beside the one that decides are judged on the rows that have them."""

from typing import Any

import numpy as np
import pytest

from solutionkit.compare.evaluation import Circumstances, EvaluationSet
from solutionkit.compare.further import compare_further, in_table, in_words, rows_with_label
from solutionkit.declaration import Declaration
from solutionkit.tasks.routing.task import Routing

TASK = Routing("priority", ("high", "low", "normal"))
DECLARED = Declaration.model_validate({"data": {"path": "any.csv"}, "columns": {"label": "queue"}})


KNOWN = np.array([2] * 60 + [0] * 30 + [1] * 10)


def judged(labels: np.ndarray, units: np.ndarray | None = None) -> EvaluationSet:
    """Rows with a further label among rows that are judged by another."""
    around = Circumstances(units, np.arange(100) // 2)
    whole = EvaluationSet(TASK, np.zeros(len(labels)), np.zeros(100), 0, circumstances=around, unit="thread")
    return rows_with_label(whole, TASK, labels, KNOWN, np.arange(100))


def compared(
    labels: np.ndarray,
    scores: dict[str, np.ndarray],
    units: np.ndarray | None = None,
    declared: Declaration = DECLARED,
) -> dict[str, Any]:
    rows, held_out = labels >= 0, {name: np.full((100, 3), 1 / 3) for name in scores}
    told = {name: item[rows] for name, item in scores.items()}
    return compare_further(judged(labels, units), told, held_out, "accuracy", declared)


def outputs(labels: np.ndarray, right: float, random: np.random.Generator) -> np.ndarray:
    said = np.where(random.random(len(labels)) < right, labels, random.integers(0, 3, len(labels)))
    found = np.full((len(labels), 3), 0.1)
    found[np.arange(len(labels)), said] = 0.8
    return found


def test_rows_without_the_label_say_nothing() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(-1, 3, 800)
    scores = {"baseline": outputs(labels, 0.6, random), "deep": outputs(labels, 0.95, random)}
    found = compared(labels, scores)
    assert found["rows"] == (labels >= 0).sum()
    assert sum(found["classes"].values()) == found["rows"]
    assert found["primary_metric"] == "accuracy"
    assert found["verdict"] == "deep"
    rows = labels >= 0
    wanted = (scores["deep"][rows].argmax(axis=1) == labels[rows]).mean()
    assert found["models"]["deep"]["metrics"]["accuracy"]["value"] == pytest.approx(wanted)
    # Who knows the shares says the most frequent class.
    trivial = found["models"]["trivial"]["metrics"]["accuracy"]["value"]
    assert trivial == pytest.approx((labels[rows] == 2).mean())
    told = in_words({"priority": found})
    assert told.startswith(f"priority ({rows.sum():,} rows): Accuracy baseline ")
    assert told.endswith("The deep model is better.")
    table = in_table({"priority": found})
    assert table[0] == ("", "rows", "baseline; calibration error", "deep; calibration error")
    assert table[1][:2] == ("priority (Accuracy)", f"{rows.sum():,}")
    assert table[1][3].startswith(f"{wanted:.3f} (")


def test_units_widen_the_interval_and_are_called_by_their_name() -> None:
    random = np.random.default_rng(2)
    labels, rows = np.repeat(random.integers(0, 3, 30), 20), np.repeat(np.arange(30), 20)
    # A unit is told alike in all of its rows.
    scores = {
        name: outputs(labels[::20], right, random)[rows] for name, right in (("baseline", 0.6), ("deep", 0.7))
    }
    alone = compared(labels, scores)
    grouped = compared(labels, scores, rows)
    width = [found["difference"]["high"] - found["difference"]["low"] for found in (alone, grouped)]
    assert width[1] > 2.0 * width[0]
    assert "thread" in grouped["reason"]


def test_the_declared_margin_counts() -> None:
    labels = np.arange(600) % 3
    said = outputs(labels, 0.9, np.random.default_rng(3))
    wide = DECLARED.model_copy(update={"compare": DECLARED.compare.model_copy(update={"margin": 0.2})})
    scores = {"baseline": said, "deep": np.roll(said, 3, axis=0)}
    found = compared(labels, scores, declared=wide)
    assert found["difference"]["margin"] == 0.2
    assert found["verdict"] == "equivalent"
