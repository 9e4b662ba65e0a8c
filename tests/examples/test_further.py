"""Further labels become tasks of their own; what is wrong with them is named."""

import json
from pathlib import Path

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
    folder: Path, priorities: list[str | None], name: str = "priority", task: str | None = None
) -> AuditedTable:
    rows = len(priorities)
    table = pa.table(
        {
            "body": [f"text {number * 7919} of {'xyz'[number % 3]}" for number in range(rows)],
            "queue": [("billing", "delivery")[number % 2] for number in range(rows)],
            name: pa.array(priorities, pa.string()),
        }
    )
    pa.csv.write_csv(table, folder / "tickets.csv")
    declared = {
        "project": {"task": task},
        "data": {"path": str(folder / "tickets.csv")},
        "columns": {"label": "queue", "text": ["body"], "further": [name]},
    }
    project = Project(folder, Declaration.model_validate_json(json.dumps(declared)), "support_tickets")
    found = audit(project)
    assert any("further" in line and "'high'" in line for line in lines(found, project.use_case.modality))
    return found


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
    ("priorities", "name", "task", "message"),
    [
        (["high"] * 240, "priority", None, "1 distinct value"),
        (["high"] * 236 + ["low"] * 4, "priority", None, "only 4 rows have priority = 'low'"),
        (MANY, "confidence", None, "as `predict` calls a column of its own"),
    ],
)
def test_what_is_wrong_with_it_is_named(
    tmp_path: Path, priorities: list[str | None], name: str, task: str | None, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        audited(tmp_path, priorities, name, task)


def test_a_further_label_that_is_missing_is_named(tmp_path: Path) -> None:
    declared = {
        "data": {"path": str(tmp_path / "t.csv")},
        "columns": {"label": "queue", "text": ["body"], "further": ["priority"]},
    }
    table = pa.table({"body": ["a b c"] * 60, "queue": ["x", "y"] * 30})
    pa.csv.write_csv(table, tmp_path / "t.csv")
    project = Project(tmp_path, Declaration.model_validate_json(json.dumps(declared)), "support_tickets")
    with pytest.raises(UserError, match=r"'priority' \(columns.further\) is missing"):
        audit(project)
