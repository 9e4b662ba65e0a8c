import json
from pathlib import Path

import pytest

from solutionkit.declaration import Declaration
from solutionkit.errors import UserError
from solutionkit.examples.columns import DECISION_FILE
from solutionkit.runner.local import NodeResult
from solutionkit.runner.models import model_folder, stated_decision
from solutionkit.runner.publish import latest_record, publish_model, pushed_model, read_record
from solutionkit.use_case import Project
from solutionkit.versions import newest_version

DECLARATION = Declaration.model_validate({"data": {"path": "rows.csv"}, "columns": {"label": "y"}})


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "runs" / "latest").mkdir(parents=True)
    return Project(tmp_path, DECLARATION, "customer_churn")


def test_no_run_is_no_record(project: Project) -> None:
    assert latest_record(project) == {}


@pytest.mark.parametrize("content", [b"", b'{"models": {', b"\xff\xfe", b"[]", b'{"pushed": "x"}'])
def test_a_broken_record_says_what_to_do(project: Project, content: bytes) -> None:
    (project.runs / "latest" / "run.json").write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json: .*run the pipeline again"):
        model_folder(project, "deep")


@pytest.mark.parametrize("content", ["", "{}"])
def test_a_broken_comparison_says_what_to_do(project: Project, content: str) -> None:
    model = project.models / "deep" / "1"
    model.mkdir(parents=True)
    (model / "saved_model.pb").touch()
    record = {"models": {"deep": {"path": "models/deep/1"}}, "pushed": None}
    (project.runs / "latest" / "run.json").write_text(json.dumps(record))
    (project.runs / "latest" / "comparison.json").write_text(content)
    with pytest.raises(UserError, match=r"comparison\.json: .*run the pipeline again"):
        stated_decision(project, "deep")


def test_a_missing_record_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; run the pipeline again"):
        read_record(tmp_path / "comparison.json")


def test_another_model_in_the_same_artifact_folder_is_published(project: Project) -> None:
    artifact = project.folder / "artifact"
    (artifact / "Format-Serving").mkdir(parents=True)
    (artifact / "Format-Serving" / "saved_model.pb").write_text("first")
    result = NodeResult("Trainer.deep", "done", 1.0, {"model": artifact})
    first = publish_model(project, "deep", result)
    assert publish_model(project, "deep", result) == first
    (artifact / "Format-Serving" / "saved_model.pb").write_text("other")
    second = publish_model(project, "deep", result)
    assert second["path"] != first["path"]
    assert (project.folder / second["path"] / "saved_model.pb").read_text() == "other"


def test_another_threshold_of_the_same_graph_goes_live(project: Project) -> None:
    selected = project.folder / "selected" / "Format-Serving"
    (selected / DECISION_FILE).parent.mkdir(parents=True)
    (selected / "saved_model.pb").write_text("graph")
    results = {"Compare": NodeResult("Compare", "done", 1.0, {"selected": selected.parent})}
    comparison = project.folder / "comparison.json"
    comparison.write_text('{"selected": "deep"}')
    live = []
    for threshold in (0.081, 0.262, 0.081):
        (selected / DECISION_FILE).write_text(json.dumps({"threshold": threshold}))
        live.append(pushed_model(project, results, comparison))
        assert stated_decision(project, "pushed").threshold == threshold
        assert pushed_model(project, results, comparison) == live[-1]
    assert len(set(live)) == 3


@pytest.mark.parametrize("mode", [0o000, 0o111, 0o444])
def test_models_without_permission_are_not_said_to_be_missing(guarded: Path, mode: int) -> None:
    (guarded / "3" / "saved_model.pb").touch()
    guarded.chmod(mode)
    with pytest.raises(PermissionError) as error:
        newest_version(guarded)
    assert str(guarded) in str(error.value.filename)
