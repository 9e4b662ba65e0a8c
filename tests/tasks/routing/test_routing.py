"""Rows that are sent somewhere, and those that a person looks at."""

import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.compare.decision import Decision
from solutionkit.compare.evaluation import Circumstances, EvaluationSet
from solutionkit.declaration import Business, Declaration
from solutionkit.tasks.base import task_from_json
from solutionkit.tasks.classification.coverage import accuracy_by_coverage
from solutionkit.tasks.routing.figures import figures, most_confused
from solutionkit.tasks.routing.task import Routing
from solutionkit.tasks.routing.triage import (
    handed_over,
    in_words,
    often_confused,
    ratio_of,
    refused,
)

TASK = Routing("queue", ("a", "b", "c"))
BUSINESS = Business(misroute_cost=10.0, triage_cost=2.0)
OUTPUTS = np.array([[0.9, 0.05, 0.05], [0.1, 0.85, 0.05], [0.4, 0.35, 0.25], [0.7, 0.2, 0.1]])
LABELS = np.array([0, 2, 1, 1])


def declared(**tables: object) -> Declaration:
    plain = {"data": {"path": "any.csv"}, "columns": {"label": "queue"}}
    return Declaration.model_validate_json(json.dumps({**plain, **tables}))


def judged() -> EvaluationSet:
    return EvaluationSet(TASK, LABELS, LABELS, 0, circumstances=Circumstances())


def test_two_values_make_two_queues() -> None:
    task, problems = Routing.find(pa.chunked_array([["yes", "no", "yes"]]), declared())
    assert not problems
    assert task is not None
    assert (task.classes, task.outputs, task.has_negative_class) == (("no", "yes"), 2, False)
    assert task_from_json(json.loads(json.dumps(task.to_json()))) == task


@pytest.mark.parametrize(
    ("values", "columns", "message"),
    [
        (["x", "x"], {}, "1 distinct values"),
        ([f"q{number}" for number in range(1001)], {}, "at most 1000"),
        (["x", "y"], {"positive": "x"}, "columns.positive means nothing"),
        (["other", "y"], {"negative": "othr"}, "no row has as 'queue' (did you mean 'other'?)"),
    ],
)
def test_what_is_no_label_is_named(values: list[str], columns: dict[str, str], message: str) -> None:
    task, problems = Routing.find(pa.chunked_array([values]), declared(columns={"label": "queue", **columns}))
    assert task is None
    assert message in f"{problems[0].message} {problems[0].remedy}"


def test_of_many_classes_the_largest_and_the_smallest_are_told() -> None:
    assert TASK.describe(np.array([0, 0, 1])) == "2 'a' (66.7%), 1 'b' (33.3%), 0 'c' (0.0%)"
    many = Routing("queue", tuple(f"q{number:02}" for number in range(40)))
    told = many.describe(np.repeat(np.arange(40), np.arange(1, 41)))
    assert told == "40 values: 'q39' 40, 'q38' 39, 'q37' 38 … 'q02' 3, 'q01' 2, 'q00' 1"


def test_unsure_rows_go_to_a_person_where_that_is_cheaper() -> None:
    assert ratio_of(BUSINESS) == 0.2
    assert ratio_of(Business(misroute_cost=3.0)) is None
    found = handed_over(judged(), {"baseline": OUTPUTS, "deep": np.eye(3)[LABELS]}, BUSINESS, 1)
    told = found.told["baseline"]
    # The third and the fourth are looked at, the second goes the wrong way.
    assert told["to_person"] == 0.5
    assert told["right_of_routed"] == 0.5
    assert told["value_per_1000"] == pytest.approx(-1000.0 * (2.0 + 2.0 + 10.0) / 4.0)
    assert told["outcomes"] == {
        "true_positive": 2,
        "false_positive": 0,
        "false_negative": 1,
        "true_negative": 1,
    }
    assert found.told["deep"]["value_per_1000"] == 0.0
    assert found.gain is not None
    assert found.gain("baseline", "deep").value == pytest.approx(3500.0)
    decision = Decision.from_json(told)
    assert decision is not None
    assert TASK.flagged(OUTPUTS, decision).tolist() == [False, False, True, True]
    assert TASK.decided(OUTPUTS, decision)["to_person"].to_pylist() == ["no", "no", "yes", "yes"]
    assert TASK.flagged_in_words(2, decision) == "2 to a person: those of a confidence of 0.8 and below"


def test_predictions_are_told_with_the_next_two() -> None:
    frame = pa.table(TASK.frame(OUTPUTS))
    assert frame.column_names == [
        "queue", "confidence", "second", "second_confidence", "third", "third_confidence",
    ]  # fmt: skip
    assert frame.slice(2, 1).to_pylist() == [
        {
            "queue": "a",
            "confidence": 0.4,
            "second": "b",
            "second_confidence": 0.35,
            "third": "c",
            "third_confidence": 0.25,
        }
    ]
    two = Routing("queue", ("a", "b")).frame(OUTPUTS[:, :2])
    assert list(two) == ["queue", "confidence", "second", "second_confidence"]


def test_accuracy_by_coverage_counts_the_surest_first() -> None:
    random = np.random.default_rng(1)
    outputs = random.dirichlet(np.ones(3), 500)
    labels = np.array([random.choice(3, p=row) for row in outputs])
    curve = accuracy_by_coverage(labels, outputs)
    assert [item["share"] for item in curve][-1] == 1.0
    assert curve[0]["accuracy"] > curve[-1]["accuracy"] == (outputs.argmax(axis=1) == labels).mean()
    assert all(first["confidence"] > second["confidence"] for first, second in pairwise(curve))


def test_figures_draw_confusions_of_few_classes_alone() -> None:
    diagnosed = TASK.diagnosis(judged(), OUTPUTS)
    assert diagnosed["top_3"] == 1.0
    compared = {"models": dict.fromkeys(("baseline", "deep"), diagnosed)}
    drawn = figures(TASK, compared)
    assert "Of 80 %" in drawn[0].caption
    assert sum("taken for" in item.caption and "across" in item.caption for item in drawn) == 2
    assert most_confused(TASK, [[5, 0, 2], [1, 5, 0], [0, 3, 5]]) == "c for b (3), a for c (2), b for a (1)"
    many = Routing("queue", tuple(f"q{number:03}" for number in range(40)))
    outputs = np.random.default_rng(2).dirichlet(np.ones(40), 60)
    rows = EvaluationSet(many, np.arange(60) % 40, np.arange(60) % 40, 0, circumstances=Circumstances())
    found = many.diagnosis(rows, outputs)
    drawn = figures(many, {"models": {"baseline": found, "deep": found}})
    assert not any("across" in item.caption for item in drawn)
    assert "confusion" in found


def test_hours_are_told_where_a_person_takes_time() -> None:
    business = Business(misroute_cost=10.0, triage_cost=2.0, triage_minutes=3.0)
    # Of whom nothing is sent nothing is saved; it comes last and counts for nobody else.
    scores = {"baseline": OUTPUTS, "trivial": np.full((4, 3), 1.0 / 3.0)}
    found = handed_over(judged(), scores, business, 1).told
    assert found["trivial"]["hours_saved_per_1000"] == 0.0
    told = found["baseline"]
    # A quarter of 1,000 rows go the right way without a person, three minutes each.
    assert told["hours_saved_per_1000"] == 12.5
    models = {"baseline": {**TASK.diagnosis(judged(), OUTPUTS), "business": told}}
    assert "12.5 hours go into no triage per 1,000" in in_words(models)


def test_rows_that_belong_nowhere_are_refused_with_few_others() -> None:
    task, problems = Routing.find(
        pa.chunked_array([["a", "b", "none"]]), declared(columns={"label": "queue", "negative": "none"})
    )
    assert not problems
    assert task is not None
    assert task.out_of_scope == "none"
    random = np.random.default_rng(4)
    labels = np.repeat([0, 1, 2], 200)
    outputs = np.eye(3)[labels] * 2.0 + random.exponential(1.0, (600, 3))
    outputs /= outputs.sum(axis=1, keepdims=True)
    rows = EvaluationSet(task, labels, labels, 0, circumstances=Circumstances())
    told = task.diagnosis(rows, outputs)["out_of_scope"]
    assert told["n"] == 200
    assert 0.04 < told["others_refused"] <= 0.05
    assert told["refused"] > 0.3
    assert told["roc_auc"] > 0.8
    assert refused(labels[:400], outputs[:400], 2) is None
    assert "that belong nowhere" in in_words({"deep": {**task.diagnosis(rows, outputs), "business": {}}})


def test_what_is_often_confused_is_shown_by_its_surest_row() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2])
    outputs = np.array(
        [[0.1, 0.9, 0], [0.4, 0.6, 0], [0.8, 0.2, 0], [0, 0.2, 0.8], [0.9, 0, 0.1], [0.6, 0, 0.4]]
    )
    # Of the first class two are taken for the second, of the third two for the first, once is not often.
    assert sorted(often_confused(labels, outputs)) == [0, 4]
    found = TASK.notable(labels, outputs, None)
    assert found["often_confused"]
    assert not {row for kind in ("confused",) for row in found.get(kind, [])} & set(found["often_confused"])
