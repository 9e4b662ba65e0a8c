"""A diagnosis: thresholds by sensitivity, referrals, and what of it travels with the model."""

import json

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.compare.decision import Decision
from solutionkit.compare.evaluation import Circumstances, EvaluationSet
from solutionkit.declaration import Declaration
from solutionkit.report.page import flagging
from solutionkit.tasks.base import task_from_json
from solutionkit.tasks.diagnosis.figures import (
    covered_in_table,
    figures,
    gaps_in_table,
    in_table,
    in_words,
)
from solutionkit.tasks.diagnosis.task import Diagnosis


def declared(**tables: object) -> Declaration:
    plain = {"data": {"path": "x"}, "columns": {"label": "finding", "positive": "yes"}}
    return Declaration.model_validate_json(json.dumps({**plain, **tables}))


def task_of(**clinical: object) -> Diagnosis:
    declaration = declared(**({"clinical": clinical} if clinical else {}))
    task, problems = Diagnosis.find(pa.chunked_array([["yes", "no"]]), declaration)
    assert not problems
    assert task is not None
    found = task.asked(declaration.clinical)
    assert isinstance(found, Diagnosis)
    return found


def judged(task: Diagnosis, rows: int = 600) -> tuple[EvaluationSet, np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    labels, known = random.integers(0, 2, rows), random.integers(0, 2, rows)
    said, held_out = (
        1.0 / (1.0 + np.exp(-(np.where(item == 1, 1.5, -1.5) + random.normal(size=rows))))
        for item in (labels, known)
    )
    units = np.arange(rows) // 3
    slices = {"site": np.where(units % 2 == 0, "north", "south")}
    around = Circumstances(units, units)
    found = EvaluationSet(task, labels, known, 900, slices=slices, circumstances=around, unit="patient")
    return found, said[:, None], held_out[:, None]


def test_what_is_asked_for_travels_with_the_task() -> None:
    task = task_of(sensitivity=0.95, coverage=0.8, prevalence=[0.1])
    assert (task.sensitivity, task.coverage, task.prevalence) == (0.95, 0.8, (0.1,))
    assert task_from_json(json.loads(json.dumps(task.to_json()))) == task
    assert task_of().sensitivity == 0.9


def test_findings_beside_are_such_where_it_is_plain_which_value_means_one() -> None:
    plain, problems = Diagnosis.find_further(pa.chunked_array([["1", "0", None, "1"]]), "nodule")
    assert not problems
    assert isinstance(plain, Diagnosis)
    assert (plain.classes, plain.has_negative_class, plain.outputs) == (("0", "1"), True, 1)
    told = plain.brief(np.array([[0.8], [0.1]]), Decision(0.5, levels=(0.3, 0.3)))
    assert {name: column.to_pylist() for name, column in told.items()} == {
        "nodule_probability": [0.8, 0.1],
        "nodule_alert": ["yes", "no"],
        "nodule_refer": ["no", "no"],
    }
    sides, problems = Diagnosis.find_further(pa.chunked_array([["left", "right"]]), "side")
    assert not problems
    assert sides is not None
    assert list(sides.brief(np.array([[0.2, 0.8]]))) == ["side", "side_confidence"]
    assert Diagnosis.find_further(pa.chunked_array([["1", "1"]]), "nodule")[0] is None


def test_worths_in_money_mean_nothing_and_clinical_keys_mean_nothing_elsewhere() -> None:
    from solutionkit.tasks.classification.task import Classification

    money = declared(business={"false_positive": -3.0})
    assert "business.false_positive means nothing" in Diagnosis.worth_problems(money)[0].message
    asked = declared(clinical={"sensitivity": 0.8})
    assert "[clinical] means nothing" in Classification.worth_problems(asked)[0].message
    assert Diagnosis.worth_problems(asked) == []
    with pytest.raises(ValueError, match="between 0 and 1"):
        declared(clinical={"prevalence": [1.5]})


def test_findings_are_flagged_and_unsure_scans_referred() -> None:
    task = task_of(sensitivity=0.85)
    rows, said, held_out = judged(task)
    told = task.decisions(rows, {"baseline": said}, {"baseline": held_out}, None, 1).told["baseline"]
    assert told["value_per_1000"] is None
    assert 0.78 < told["sensitivity"]["value"] < 0.92
    assert told["sensitivity"]["units"] <= 200
    assert told["sensitivity"]["low"] < told["sensitivity"]["value"] < told["sensitivity"]["high"]
    assert 0.0 < told["referred"] < 0.5
    assert told["right_of_told"]["value"] > told["right_of_all"]["value"]
    assert abs(told["covered"]["value"] - 0.9) < 0.06
    assert {(item["column"], item["value"]) for item in told["covered"]["by"]} == {
        ("site", "north"),
        ("site", "south"),
    }
    assert [item["prevalence"] for item in told["at_prevalence"]] == [0.01, 0.05, 0.2]
    assert not any(item["flagged"] for item in told["subgroup_gaps"])
    decision = Decision.from_json(told)
    assert decision is not None
    assert Decision.from_json(decision.to_json()) == decision
    columns = task.decided(said, decision)
    assert list(columns) == ["alert", "refer"]
    share = np.mean(np.array(columns["refer"].to_pylist()) == "yes")
    assert share == pytest.approx(told["referred"])


def test_of_several_classes_without_a_negative_one_only_referrals_are_told() -> None:
    values = pa.chunked_array([["a", "b", "c"] * 3])
    task, _ = Diagnosis.find(
        values, Declaration.model_validate({"data": {"path": "x"}, "columns": {"label": "f"}})
    )
    assert task is not None
    random = np.random.default_rng(2)
    labels = random.integers(0, 3, 300)
    outputs = random.dirichlet(np.ones(3), 300) + 1.2 * np.eye(3)[labels]
    outputs /= outputs.sum(axis=1, keepdims=True)
    rows = EvaluationSet(task, labels, labels, 0, circumstances=Circumstances())
    told = task.decisions(rows, {"deep": outputs}, {"deep": outputs}, None, 1).told["deep"]
    assert (told["threshold"], told["outcomes"]) == (None, None)
    assert len(told["levels"]) == 3
    decision = Decision.from_json(told)
    assert decision is not None
    assert not decision.flags
    # As it is written beside a model.
    assert json.loads(json.dumps(decision.to_json(), allow_nan=False))["threshold"] is None
    assert flagging(told) is None
    assert list(task.decided(outputs, decision)) == ["refer"]
    assert task.decided(outputs, None) == {}


def test_report_says_what_a_flag_means() -> None:
    task = task_of()
    rows, said, held_out = judged(task)
    scores, known = {"baseline": said, "deep": said**2}, {"baseline": held_out, "deep": held_out**2}
    told = task.decisions(rows, scores, known, None, 1).told
    compared = {
        "models": {name: {**task.diagnosis(rows, scores[name]), "business": told[name]} for name in scores}
    }
    assert in_words(compared).startswith("No group's sensitivity")
    none = {"models": {name: {"business": {}} for name in scores}}
    assert in_words(none).startswith("No groups were compared")
    worse = compared["models"]["deep"]["business"]["subgroup_gaps"][0]
    worse |= {"flagged": True, "gap": -0.2, "value": "north"}
    assert "are listed below" in in_words(compared)
    (header, row) = gaps_in_table(compared["models"])
    assert header[0] == "group"
    assert row[:2] == ("site = north", "deep")
    covered = covered_in_table(compared["models"])
    assert [row[0] for row in covered] == ["group", "site = north", "site = south"]
    table = in_table(compared["models"])
    assert table[0] == ("", "baseline", "deep")
    assert {len(row) for row in table} == {3}
    titles = [row[0] for row in table]
    assert "sets that hold the truth, of 90% promised" in titles
    assert "flagged that have it, where 5% have it" in titles
    captions = [item.caption for item in figures(compared)]
    assert captions[0].startswith("Told rightly: baseline ")
    assert captions[1].startswith("Net benefit")
    assert [section.name for section in task.sections(compared)] == ["care", "groups", "covered"]


def test_what_must_be_said_with_it_is_said() -> None:
    share = {"value": 0.7, "low": 0.6, "high": 0.8, "units": 80}
    kept = {"value": 0.91, "low": 0.85, "high": 0.95, "units": 80}
    gap = {"rate": "sensitivity", "column": "site", "value": "south", "here": 0.4, "elsewhere": 0.9}
    gaps = [{**gap, "gap": -0.5, "flagged": True}, {**gap, "gap": -0.1, "flagged": False}]
    told = {"covered": {"promised": 0.9, **share, "by": []}, "sensitivity": share, "levels": [0.4, 0.0]}
    found = task_of().cautions({**told, "referred": 0.75, "subgroup_gaps": gaps})
    assert found == [
        "What it holds possible has the truth in 70.0% (60.0% to 80.0%) of patients and classes, not in the"
        " 90% promised.",
        "Its sensitivity is 70.0% (60.0% to 80.0%), below the 90% asked for.",
        "It holds 'yes' possible of every scan: too few held-out patients of that class.",
        "It refers 75% of the scans.",
        "Its sensitivity of site = south is 40%, elsewhere 90%.",
    ]
    well = {"covered": {"promised": 0.9, **kept, "by": []}, "sensitivity": kept, "levels": [0.4, 0.3]}
    assert task_of().cautions({**well, "referred": 0.2}) == []
