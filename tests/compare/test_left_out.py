"""Rows of a value that nothing was learned of, by models with and without it."""

import numpy as np

from solutionkit.compare.evaluation import Circumstances, EvaluationSet
from solutionkit.compare.left_out import LeftOut, compare_left_out, in_table, in_words
from solutionkit.ranks import roc_auc
from solutionkit.tasks.classification.task import Classification

TASK = Classification("ill", ("no", "yes"))


def test_what_is_lost_without_a_value_is_told_by_units() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 400)
    site = np.where(np.arange(400) < 200, "north", "south")
    knows = labels + random.normal(0.0, 0.3, 400)
    scores = {name: (1 / (1 + np.exp(-4 * (knows - 0.5))))[:, None] for name in ("baseline", "deep")}
    units = np.arange(400) // 2
    judged = EvaluationSet(TASK, labels, labels, 0, circumstances=Circumstances(units), unit="patient")
    south = site == "south"
    said = {"baseline": scores["baseline"][south], "deep": random.random((200, 1))}
    found = compare_left_out(
        judged, TASK.metrics()["roc_auc"], scores, "site", [LeftOut("south", south, said)], 1
    )
    (item,) = found["values"]
    assert (item["value"], item["rows"], item["units"]) == ("south", 200, 100)
    deep, baseline = item["models"]["deep"], item["models"]["baseline"]
    assert deep["with"]["value"] == roc_auc(labels[south] == 1, scores["deep"][south, 0])
    assert deep["difference"]["value"] < -0.3
    assert deep["difference"]["p_value"] < 0.001
    assert baseline["difference"]["value"] == 0.0
    table = in_table(found, ["baseline", "deep"])
    assert table[0] == ("site", "rows", "baseline: with, without, p", "deep: with, without, p")
    assert table[1][:2] == ("south", "200")
    assert deep["difference"]["p_corrected"] >= deep["difference"]["p_value"]
    few = LeftOut("north", np.arange(400) < 20, {name: item[:20] for name, item in scores.items()})
    assert compare_left_out(judged, TASK.metrics()["roc_auc"], scores, "site", [few], 1)["values"] == []
    assert "any row of it" in in_words(found, "ROC-AUC")


def test_a_value_of_one_class_says_nothing() -> None:
    labels = np.repeat([0, 1], 50)
    scores = {"deep": np.full((100, 1), 0.5)}
    judged = EvaluationSet(TASK, labels, labels, 0)
    item = LeftOut("north", labels == 0, {"deep": np.full((50, 1), 0.5)})
    found = compare_left_out(judged, TASK.metrics()["roc_auc"], scores, "site", [item], 1)
    assert found["values"] == []
    assert in_table(found, ["deep"]) == ()
    assert in_words(found, "ROC-AUC").startswith("No value of 'site' could be left out")
