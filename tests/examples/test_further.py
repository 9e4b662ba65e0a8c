"""Further labels become tasks of their own; what is wrong with them is named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from solutionkit.declaration import Declaration
from solutionkit.errors import UserError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.encoding import serialized_examples
from solutionkit.examples.facts import lines
from solutionkit.models.arrays import further_labels
from solutionkit.use_case import Project


def audited(
    folder: Path, priorities: list[str | None], name: str = "priority", **tables: Any
) -> AuditedTable:
    rows = len(priorities)
    table = pa.table(
        {
            "body": [f"text {number * 7919} of {'xyz'[number % 3]}" for number in range(rows)],
            "queue": [("billing", "delivery")[number % 2] for number in range(rows)],
            "x": [("one", "two")[number % 2] for number in range(rows)],
            name: pa.array(priorities, pa.string()),
        }
    )
    pa.csv.write_csv(table, folder / "tickets.csv")
    declared = {
        "data": {"path": str(folder / "tickets.csv")},
        "columns": {"label": "queue", "text": ["body"], "further_labels": [name]},
        **tables,
    }
    project = Project(folder, Declaration.model_validate_json(json.dumps(declared)), "support_tickets")
    found = audit(project)
    assert any("further" in line and "'high'" in line for line in lines(found, project.use_case.modality))
    return found


CLASHING = {"label": "queue", "text": ["body"], "further_labels": ["x", "x_confidence"]}
MANY = ["high", "low", None, "low"] * 60


def test_a_further_label_is_carried_along_and_told(tmp_path: Path) -> None:
    found = audited(tmp_path, MANY)
    (task,) = found.spec.further
    assert (task.label, task.outputs) == ("priority", 2)
    assert found.spec.outputs == {"queue": "probability", "priority": "probability_priority"}
    assert "priority" in found.spec.carried
    assert any("60 rows have no 'priority'" in note for note in found.notes)
    assert TableSpec.from_json(found.spec.to_json()) == found.spec
    serialized = np.array(list(serialized_examples(found.table)), object)
    wanted = [{"high": 0, "low": 1}.get(cell, -1) for cell in found.table["priority"].to_pylist()]
    assert further_labels(serialized, task).tolist() == wanted
    told = pa.table(found.spec.told({"priority": np.array([[0.3, 0.7]])})).to_pylist()
    assert told == [{"priority": "low", "priority_confidence": 0.7}]


def test_names_of_outputs_are_plain_and_differ(tmp_path: Path) -> None:
    found = audited(tmp_path, MANY, "how urgent?")
    assert found.spec.outputs["how urgent?"] == "probability_how_urgent"


@pytest.mark.parametrize(
    ("priorities", "name", "tables", "message"),
    [
        (["high"] * 240, "priority", {}, "1 distinct value"),
        (["high"] * 236 + ["low"] * 4, "priority", {}, "only 4 rows have priority = 'low'"),
        (MANY, "confidence", {}, "as `predict` calls a column of its own"),
        (MANY, "x_confidence", {"columns": CLASHING}, "would both be told as 'x_confidence'"),
        (MANY, "text_alike", {}, "a column cannot be called 'text_alike'"),
    ],
)
def test_what_is_wrong_with_it_is_named(
    tmp_path: Path, priorities: list[str | None], name: str, tables: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        audited(tmp_path, priorities, name, **tables)


def test_a_further_label_that_is_missing_is_named(tmp_path: Path) -> None:
    declared = {
        "data": {"path": str(tmp_path / "t.csv")},
        "columns": {"label": "queue", "text": ["body"], "further_labels": ["priority"]},
    }
    table = pa.table({"body": [f"a b {n} c" for n in range(60)], "queue": ["x", "y"] * 30})
    pa.csv.write_csv(table, tmp_path / "t.csv")
    project = Project(tmp_path, Declaration.model_validate_json(json.dumps(declared)), "support_tickets")
    with pytest.raises(UserError, match=r"'priority' \(columns.further_labels\) is missing"):
        audit(project)


SPENT = {"label": "spent", "further_labels": ["tier"]}


def columns_of(folder: Path, **more: Any) -> Project:
    """A table whose further label one column tells all alone."""
    random = np.random.default_rng(1)
    tier = random.integers(0, 3, 300)
    table = pa.table(
        {
            "spent": random.normal(size=300),
            "code": [f"c{number}" for number in tier],
            "tier": [("free", "plus", "business")[number] for number in tier],
            "left": random.integers(0, 2, 300),
        }
    )
    pa.csv.write_csv(table, folder / "rows.csv")
    columns = {"label": "left", "further_labels": ["tier"]}
    declared = {"data": {"path": str(folder / "rows.csv")}, "columns": columns, **more}
    return Project(folder, Declaration.model_validate_json(json.dumps(declared)), "customer_churn")


def test_a_column_that_tells_a_further_label_is_noted(tmp_path: Path) -> None:
    found = audit(columns_of(tmp_path))
    assert [feature.name for feature in found.spec.features] == ["spent", "code"]
    assert any(note.startswith("of the further label 'tier'") and "'code'" in note for note in found.notes)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"project": {"task": "regression"}, "columns": SPENT},
            "beside the task 'regression' no other label is told",
        ),
        ({"columns": {"label": "left", "further_labels": ["tier", "tier"]}}, "names a column twice"),
    ],
)
def test_where_no_further_label_can_be_told_that_is_said(
    tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    with pytest.raises((UserError, ValueError), match=message):
        audit(columns_of(tmp_path, **more))


def test_a_specification_of_before_further_labels_is_read(tmp_path: Path) -> None:
    raw = json.loads(audited(tmp_path, MANY).spec.to_json())
    del raw["further"]
    assert TableSpec.from_json(json.dumps(raw)).further == ()
