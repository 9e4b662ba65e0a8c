"""Talking to Kubeflow Pipelines: what is asked, and what is said of its answers."""

from pathlib import Path
from typing import Any

import kfp_server_api
import pytest
from fake_api import Api, served

from solutionkit.errors import UserError
from solutionkit.runner.kubeflow.backend import Backend, NoAnswerError, cron_of_six, message_of

SPEC: dict[str, Any] = {
    "pipelineInfo": {"name": "demo"},
    "schemaVersion": "2.1.0",
    "sdkVersion": "tfx-1.21.0",
    "deploymentSpec": {
        "executors": {"exec-a": {"container": {"image": "i:1", "command": ["python"], "args": ["a"]}}}
    },
    "components": {"a": {"executorLabel": "exec-a"}},
    "root": {"dag": {"tasks": {"a": {"taskInfo": {"name": "a"}, "componentRef": {"name": "a"}}}}},
}
PLATFORM = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-a": {"imagePullSecret": [{"secretName": "s"}]}}}}}}  # fmt: skip


def test_a_run() -> None:
    api = Api(
        states=[("RUNNING", {"a": "RUNNING", "root-driver": "SUCCEEDED"}), ("SUCCEEDED", {"a": "SUCCEEDED"})]
    )
    with served(api) as address:
        backend = Backend(f"{address}/")
        experiment = backend.experiment("demo")
        assert backend.experiment("demo") == experiment
        run = backend.start("demo 1", [SPEC, PLATFORM], "s3://b/k", experiment_id=experiment)
        assert backend.page("runs", run) == f"{address}/#/runs/details/{run}"
        first, second = backend.state(run), backend.state(run)
    assert api.runs[0]["pipeline_spec"] == {"pipeline_spec": SPEC, "platform_spec": PLATFORM}
    assert api.runs[0]["runtime_config"] == {"pipeline_root": "s3://b/k"}
    assert first.tasks["a"].seconds is None
    assert second.state == "SUCCEEDED"
    assert second.tasks["a"].seconds == 60.0


def test_one_document_goes_as_it_is() -> None:
    api = Api()
    with served(api) as address:
        Backend(address).start("demo", [SPEC], "s3://b/k")
    assert api.runs[0]["pipeline_spec"] == SPEC


def test_a_schedule_takes_the_place_of_its_namesake() -> None:
    api = Api()
    with served(api) as address:
        backend = Backend(address)
        first, replaced = backend.schedule("demo", "0 0 3 * * 1", [SPEC], "s3://b/k", experiment_id="e")
        assert replaced == 0
        backend.schedule("another", "0 0 3 * * 1", [SPEC], "s3://b/k", experiment_id="e")
        # The server of this test counts what it holds.
        api.schedules["kept"] = api.schedules.pop(first)
        api.schedules["kept"]["recurring_run_id"] = "kept"
        _, replaced = backend.schedule("demo", "0 0 4 * * 1", [SPEC], "s3://b/k", experiment_id="e")
    assert replaced == 1
    assert "kept" not in api.schedules
    crons = [
        item["trigger"]["cron_schedule"]["cron"]
        for item in api.schedules.values()
        if item["display_name"] == "demo"
    ]
    assert crons == ["0 0 4 * * 1"]
    assert all(item["no_catchup"] and item["max_concurrency"] == "1" for item in api.schedules.values())


def test_what_the_backend_says_against_it() -> None:
    with (
        served(Api()) as address,
        pytest.raises(UserError, match=r"says \(400\): KFP only supports schema version 2.1.0, but"),
    ):
        Backend(address).start("demo", [{**SPEC, "schemaVersion": "2.0.0"}], "s3://b/k")


def test_who_asks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with served(Api(token="t")) as address:
        with pytest.raises(
            UserError, match=r"says \(401\): Unauthorized\nGive a token by KFP_EXISTING_TOKEN"
        ):
            Backend(address).experiment("demo")
        (tmp_path / "token").write_text("t\n")
        monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
        assert Backend(address).experiment("demo")
        monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "no"))
        with pytest.raises(UserError, match="KF_PIPELINES_SA_TOKEN_PATH names it"):
            Backend(address)


def test_a_page_to_log_in_is_no_api() -> None:
    with (
        served(Api(page="<html>Log in</html>")) as address,
        pytest.raises(
            UserError, match="what answers there is not Kubeflow Pipelines, perhaps a page to log in"
        ),
    ):
        Backend(address).start("demo", [SPEC], "s3://b/k")


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        (302, UserError, "Give a token by"),
        (503, NoAnswerError, r"says \(503\)"),
        (500, UserError, r"says \(500\)"),
    ],
)
def test_answers_that_are_none(code: int, kind: type[UserError], told: str) -> None:
    with served(Api(code=code)) as address, pytest.raises(UserError, match=told) as refused:
        Backend(address).start("demo", [SPEC], "s3://b/k")
    assert type(refused.value) is kind


def test_a_token_that_is_renewed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(file))
    api = Api(token="t")
    with served(api) as address:
        backend = Backend(address)
        assert backend.experiment("demo")
        api.token = "renewed"
        file.write_text("renewed")
        assert backend.experiment("demo")


def test_nobody_is_there() -> None:
    with pytest.raises(
        NoAnswerError, match=r"http://127.0.0.1:9: cannot be reached: .*refused.*port-forward"
    ):
        Backend("http://127.0.0.1:9").experiment("demo")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"code":3,"message":"long","details":[{"message":"short"}]}', "short"),
        ('{"code":13,"message":"long","details":[{"message":"Internal Server Error"}]}', "long"),
        ('{"error_message":"of an upload","error_details":"more"}', "of an upload"),
        ("<html><b>RBAC: access denied</b></html>", "RBAC: access denied"),
        ("", "Bad Gateway"),
    ],
)
def test_messages(body: str, told: str) -> None:
    error = kfp_server_api.ApiException(status=502, reason="Bad Gateway")
    error.body = body
    assert message_of(error) == told


def test_schedules_have_seconds_first() -> None:
    assert cron_of_six("0 3 * * 1") == "0 0 3 * * 1"
    assert cron_of_six("30 0 3 * * MON-FRI") == "30 0 3 * * MON-FRI"
    assert cron_of_six("@daily") == "@daily"
    assert cron_of_six("*/15 0-6/2 1,15 * 1-5") == "0 */15 0-6/2 1,15 * 1-5"
    for wrong in ("3 * *", "0 3 * * 1; rm", "daily", "", "0 25 * * 1", "0 3 * * 7", "0 3 32 1 *"):
        with pytest.raises(UserError, match="a schedule is minute, hour, day"):
            cron_of_six(wrong)
