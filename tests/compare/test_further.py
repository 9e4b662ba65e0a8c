"""Labels beside the one that decides are judged on the rows that have them."""

import numpy as np
import pytest

from solutionkit.compare.further import compare_further, in_words
from solutionkit.tasks.routing.task import Routing

TASK = Routing("priority", ("high", "low", "normal"))


def outputs(labels: np.ndarray, right: float, random: np.random.Generator) -> np.ndarray:
    said = np.where(random.random(len(labels)) < right, labels, random.integers(0, 3, len(labels)))
    found = np.full((len(labels), 3), 0.1)
    found[np.arange(len(labels)), said] = 0.8
    return found


def test_rows_without_the_label_say_nothing() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(-1, 3, 800)
    scores = {"baseline": outputs(labels, 0.6, random), "deep": outputs(labels, 0.95, random)}
    known = np.array([2] * 60 + [0] * 30 + [1] * 10)
    found = compare_further(TASK, labels, known, scores, None, "accuracy", 1)
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


def test_units_widen_the_interval() -> None:
    random = np.random.default_rng(2)
    labels = np.repeat(random.integers(0, 3, 60), 10)
    scores = {name: outputs(labels, right, random) for name, right in (("baseline", 0.7), ("deep", 0.8))}
    alone = compare_further(TASK, labels, labels, scores, None, "accuracy", 1)
    grouped = compare_further(TASK, labels, labels, scores, np.repeat(np.arange(60), 10), "accuracy", 1)
    assert alone["difference"]["test"] != grouped["difference"]["test"]
