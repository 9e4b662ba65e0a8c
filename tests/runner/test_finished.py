"""Runs and versions on disk, and which of them can go."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from solutionkit.declaration import Declaration
from solutionkit.errors import UserError
from solutionkit.runner.finished import finished_runs, prunable, pushed_versions, run_called
from solutionkit.runner.models import model_folder
from solutionkit.runner.provenance import commit, provenance
from solutionkit.use_case import Project

DECLARATION = Declaration.model_validate({"data": {"path": "rows.csv"}, "columns": {"label": "y"}})
CONFIG = 'model_config_list {{ config {{ name: "churn" base_path: "/models/churn" model_platform: "tensorflow" {more} }} }}\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three runs, each with models and a pushed version of its own."""
    project = Project(tmp_path, DECLARATION, "customer_churn", "churn")
    (tmp_path / "serving").mkdir()
    serving(project)
    for number in (1, 2, 3):
        make_run(project, f"2026010{number}-091500", number)
    return project


def serving(project: Project, more: str = "") -> None:
    (project.folder / "serving" / "models.config").write_text(CONFIG.format(more=more))


def make_run(project: Project, name: str, number: int, **record: Any) -> None:
    for model in ("baseline", "deep", "churn"):
        version = project.models / model / str(number)
        version.mkdir(parents=True)
        (version / "saved_model.pb").write_bytes(b"x" * 1000)
    folder = project.runs / name
    folder.mkdir(parents=True)
    models = {model: {"path": f"models/{model}/{number}"} for model in ("baseline", "deep")}
    told = {"run_id": name, "models": models, "pushed": f"models/churn/{number}", "seconds": {}, **record}
    (folder / "run.json").write_text(json.dumps(told))
    metrics = {"metrics": {"roc_auc": {"value": 0.8 + number / 100}}}
    compared = {"primary_metric": "roc_auc", "verdict": "deep", "selected": "deep"}
    compared |= {"models": {"baseline": metrics, "deep": metrics}}
    (folder / "comparison.json").write_text(json.dumps(compared))


def left(project: Project) -> dict[str, list[str]]:
    names = ("baseline", "deep", "churn")
    found = {name: sorted(item.name for item in (project.models / name).iterdir()) for name in names}
    return found | {"runs": sorted(item.name for item in project.runs.iterdir())}


def test_runs_are_found_by_name_and_by_its_beginning(project: Project) -> None:
    runs = finished_runs(project)
    assert [run.when for run in runs] == [f"2026-01-0{number} 09:15" for number in (1, 2, 3)]
    assert run_called(runs, "latest") is runs[-1]
    assert run_called(runs, "20260102") is runs[1]
    with pytest.raises(UserError, match="3 runs begin with '202601'"):
        run_called(runs, "202601")
    with pytest.raises(UserError, match="did you mean '20260102-091500'"):
        run_called(runs, "20260102-091501")
    with pytest.raises(UserError, match="no finished run yet"):
        run_called([], "latest")


def test_a_version_is_live_by_its_label_or_because_it_is_the_newest(project: Project) -> None:
    runs = finished_runs(project)
    versions = pushed_versions(project, runs)
    assert [(item.number, item.labels) for item in versions] == [(1, ()), (2, ()), (3, ("live",))]
    assert [item.run and item.run.id for item in versions] == [run.id for run in runs]
    serving(project, 'version_labels { key: "stable" value: 1 }')
    versions = pushed_versions(project, runs)
    assert [(item.number, item.labels) for item in versions] == [(1, ("stable",)), (2, ()), (3, ())]


def test_what_is_rolled_back_to_is_what_predict_asks(project: Project) -> None:
    assert model_folder(project, "pushed").name == "3"
    serving(project, 'version_labels { key: "stable" value: 1 }')
    assert model_folder(project, "pushed").name == "1"


def test_old_runs_and_their_models_go(project: Project) -> None:
    found = prunable(project, keep=1)
    assert found.size > 6000
    assert len(left(project)["runs"]) == 3
    found.remove()
    assert left(project) == {"baseline": ["3"], "deep": ["3"], "churn": ["3"], "runs": ["20260103-091500"]}
    assert not prunable(project, keep=1).runs


def test_what_serves_stays_with_its_run(project: Project) -> None:
    serving(project, 'version_labels { key: "stable" value: 1 }')
    prunable(project, keep=1).remove()
    assert left(project)["churn"] == ["1", "3"]
    assert left(project)["runs"] == ["20260101-091500", "20260103-091500"]


def test_nothing_goes_where_all_are_kept(project: Project) -> None:
    found = prunable(project, keep=3)
    assert (found.runs, found.models) == ((), ())


def test_a_record_names_data_code_and_configuration(project: Project) -> None:
    (project.folder / "customer_churn").mkdir()
    (project.folder / "customer_churn" / "__init__.py").write_text("")
    told = provenance(project, "0123456789abcdef")
    assert told["data"] == {"hash": "0123456789abcdef", "paths": ["rows.csv"]}
    assert told["code"]["commit"] is None
    assert told["declaration"]["columns"]["label"] == "y"
    (project.folder / "customer_churn" / "__init__.py").write_text("# edited")
    assert provenance(project, "")["code"]["hash"] != told["code"]["hash"]


def test_a_commit_says_whether_files_differ(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    assert commit(tmp_path) is None
    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "one")
    first = commit(tmp_path)
    assert first is not None
    assert len(first) == 12
    (tmp_path / "a").write_text("2")
    assert commit(tmp_path) == f"{first}+"
