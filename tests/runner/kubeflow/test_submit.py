"""`solutionkit kubeflow submit`: a run and its report, a schedule, and what goes wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from declared_project import DECLARED, project_of
from fake_api import Api, served

from solutionkit.runner.kubeflow import backend
from solutionkit.use_case import Project
from solutionkit.verbs import kubeflow
from support import solutionkit

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubeflow, "POLL_SECONDS", 0.01)
    for name in (backend.TOKEN, backend.TOKEN_FILE, backend.COOKIES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Project:
    declared = DECLARED.replace("s3://bucket/demo/", "s3://pipelines/demo")
    project = project_of("customer_churn", tmp_path_factory.mktemp("churn"), declared)
    assert solutionkit(project.folder, "sample", "--rows", "500").returncode == 0
    return project


@pytest.fixture
def api() -> Iterator[tuple[Api, str]]:
    served_api = Api()
    with served(served_api) as address:
        yield served_api, address


def put_report(bucket: Any, run: str) -> None:
    place = f"demo/demo-1/{run}"
    for key in ("write-report/u1/report/report.html", "write-report/u1/report/model_card.md", "compare/u2/comparison/comparison.json"):  # fmt: skip
        bucket.put_object(Bucket="pipelines", Key=f"{place}/{key}", Body=b"<html>")


def test_a_run_to_its_report(churn: Project, api: tuple[Api, str], bucket: Any) -> None:
    held, address = api
    held.states = [
        ("PENDING", {}),
        ("RUNNING", {"root-driver": "SUCCEEDED", "row-example-gen": "SUCCEEDED", "metric-gate": "RUNNING"}),
        ("SUCCEEDED", {"row-example-gen": "SUCCEEDED", "metric-gate": "SUCCEEDED"}),
    ]
    held.outage = 2
    put_report(bucket, "r0")
    answer = solutionkit(churn.folder, "kubeflow", "submit", "--endpoint", address)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"run      {address}/#/runs/details/r0" in answer.stdout
    assert " 1/14 row-example-gen            60.0 s  succeeded" in answer.stdout
    assert "root-driver" not in answer.stdout
    folder = churn.folder / "kubeflow" / "runs" / "r0"
    assert f"report   {folder / 'report.html'}" in answer.stdout
    assert "the explanations came from the backend's cache" in answer.stdout
    assert sorted(item.name for item in folder.iterdir()) == [
        "comparison.json",
        "model_card.md",
        "report.html",
    ]
    (run,) = held.runs
    assert run["runtime_config"]["pipeline_root"] == "s3://pipelines/demo"
    assert run["experiment_id"] == "e0"
    # The image holds the data, so that the backend's cache may answer.
    tasks = run["pipeline_spec"]["pipeline_spec"]["root"]["dag"]["tasks"]
    assert tasks["row-example-gen"]["cachingOptions"] == {"enableCache": True}
    assert tasks["row-example-gen"]["inputs"]["parameters"]["data"]["runtimeValue"]["constant"]


def test_a_report_that_cannot_be_fetched_is_named(churn: Project, api: tuple[Api, str], bucket: Any) -> None:
    answer = solutionkit(churn.folder, "kubeflow", "submit", "--endpoint", api[1])
    assert answer.returncode == 0
    place = "s3://pipelines/demo/demo-1/r0/write-report"
    assert f"report   at {place}; it could not be fetched: no report is there." in answer.stdout


def test_a_run_that_failed(churn: Project, api: tuple[Api, str]) -> None:
    held, address = api
    held.states = [
        ("FAILED", {"row-example-gen": "SUCCEEDED", "metric-gate": "FAILED", "executor": "FAILED"})
    ]
    answer = solutionkit(churn.folder, "kubeflow", "submit", "--endpoint", address)
    assert answer.returncode == 1
    assert "failed in metric-gate" in answer.stdout
    assert "what the task said is in its log, on the page above" in answer.stdout
    assert "the run goes on" not in answer.stdout
    assert "report" not in answer.stdout.rpartition("failed")[2]


def test_a_run_that_was_cancelled(churn: Project, api: tuple[Api, str]) -> None:
    api[0].states = [("CANCELED", {})]
    answer = solutionkit(churn.folder, "kubeflow", "submit", "--endpoint", api[1])
    assert answer.returncode == 1
    assert "canceled" in answer.stdout


def test_nobody_to_ask_for_long(churn: Project, api: tuple[Api, str]) -> None:
    api[0].outage = 10_000
    answer = solutionkit(churn.folder, "kubeflow", "submit", "--endpoint", api[1])
    assert answer.returncode == 1
    assert "cannot be reached" in answer.stderr
    assert "the run goes on without this command, see its page" in answer.stdout


def test_data_of_which_a_part_is_elsewhere_has_no_hash(churn: Project, api: tuple[Api, str]) -> None:
    text = (churn.folder / "use_case.toml").read_text()
    split = text.replace('split = "stratified"', 'split = "column"\nsplit_table = "/models/split.csv"')
    (churn.folder / "use_case.toml").write_text(
        split.replace('label = "churned"', 'label = "churned"\nsplit = "side"')
    )
    answer = solutionkit(churn.folder, "kubeflow", "submit", "--endpoint", api[1], "--no-wait")
    (churn.folder / "use_case.toml").write_text(text)
    assert answer.returncode == 0, answer.stderr
    spec = api[0].runs[0]["pipeline_spec"]["pipeline_spec"]
    assert spec["root"]["dag"]["tasks"]["row-example-gen"]["inputs"]["parameters"]["data"][
        "runtimeValue"
    ] == {"constant": ""}


def test_a_schedule(churn: Project, api: tuple[Api, str]) -> None:
    held, address = api
    recurring = ("kubeflow", "submit", "--endpoint", address, "--recurring", "0 3 * * 1")
    answer = solutionkit(churn.folder, *recurring)
    assert answer.returncode == 0, answer.stderr
    assert "schedule 0 0 3 * * 1 (seconds first, UTC)\n" in answer.stdout
    (schedule,) = held.schedules.values()
    assert schedule["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * 1"}}
    # What comes next week is read next week.
    tasks = schedule["pipeline_spec"]["pipeline_spec"]["root"]["dag"]["tasks"]
    assert "cachingOptions" not in tasks["row-example-gen"]
    assert not held.runs


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "lacks the endpoint"),
        (("--endpoint", "localhost:8080"), "--endpoint localhost:8080"),
        (("--endpoint", "http://127.0.0.1:9"), "cannot be reached"),
        (
            ("--endpoint", "http://127.0.0.1:9", "--recurring", "weekly"),
            "--recurring 'weekly': a schedule is",
        ),
    ],
)
def test_where_to(churn: Project, arguments: tuple[str, ...], told: str) -> None:
    answer = solutionkit(churn.folder, "kubeflow", "submit", *arguments)
    assert answer.returncode == 1
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_data_that_is_not_there(churn: Project, api: tuple[Api, str], tmp_path: Path) -> None:
    missing = churn.folder / "data" / "none.csv"
    answer = solutionkit(churn.folder, "kubeflow", "submit", "--endpoint", api[1], "--data", str(missing))
    assert answer.returncode == 1
    assert f"{missing}: no such file or folder, and the image would lack it too" in answer.stderr
    assert not api[0].runs
