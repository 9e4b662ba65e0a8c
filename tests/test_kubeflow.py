"""A generated project runs to Pusher in an emulated Kubeflow Pipelines, and gives what it gives here.

Open-source KFP 2.17 semantics, emulated: see `emulated_kubeflow`. Containers are namespaces over this machine's
files; benchmarks/kubeflow runs every use case, and builds images with podman.
"""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from emulated_kubeflow.backend import BUCKET, DECLARED, ROOT, Backend, Run, object_store, timeless
from emulated_kubeflow.containers import Namespaces, namespaces_allowed
from solutionkit.pipeline.fingerprint import input_hash
from solutionkit.runner.kubeflow.compiled import FOLDER, compile_pipeline
from solutionkit.use_case import load_project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not namespaces_allowed(), reason="containers are emulated by namespaces, which this machine forbids"
    ),
]


@dataclasses.dataclass
class Emulated:
    """A backend, the project that it runs, and the volume that models go to."""

    backend: Backend
    project: Path
    volume: Path

    def compiled(self, **changes: Any) -> list[dict[str, Any]]:
        project = load_project(self.project)
        kubeflow = project.declaration.kubeflow.model_copy(update=changes)
        declaration = project.declaration.model_copy(update={"kubeflow": kubeflow})
        changed = dataclasses.replace(project, declaration=declaration)
        return compile_pipeline(changed, input_hash(changed))

    def run(self, documents: list[dict[str, Any]], until: str = "") -> Run:
        return self.backend.run(yaml.safe_dump_all(documents), until=until)


@dataclasses.dataclass
class Killing:
    """Kills the first pusher's container when it has begun to copy a model."""

    whole: Any
    killed: int = 0

    def run(self, image: str, command: list[str], *more: Any) -> int:
        if "Pusher" in command and not self.killed:
            self.killed += 1
            code = (
                "import os, shutil, sys; sys.argv = sys.argv[1:]; copy = shutil.copy2\n"
                "def cut_off(source, target, **how):\n"
                "    copy(source, target, **how)\n"
                "    os.kill(os.getpid(), 9)\n"
                "import solutionkit.versions as versions; copytree = shutil.copytree\n"
                "versions.shutil.copytree = lambda a, b, **k: copytree(a, b, copy_function=cut_off)\n"
                "import runpy; runpy.run_module('solutionkit.runner.kubeflow.entrypoint', run_name='__main__')\n"
            )
            command = ["python", "-c", code, "entrypoint", *command[3:]]
        return int(self.whole.run(image, command, *more))


@dataclasses.dataclass
class Denying:
    """A client of a store that lists nothing to this account."""

    client: Any

    def get_paginator(self, name: str) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


@pytest.fixture(scope="module")
def emulated(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    folder = tmp_path_factory.mktemp("kubeflow")
    project = folder / "demo"
    shutil.copytree(finished, project, ignore=shutil.ignore_patterns(".pipeline", "runs", "models"))
    with (project / "use_case.toml").open("a") as stream:
        stream.write(DECLARED.format(image="localhost/demo:1") + "retries = 0\n")
    for name in ("models", "pods"):
        (folder / name).mkdir()
    containers = Namespaces("localhost/demo:1", project, str(FOLDER))
    with object_store() as (client, _):
        backend = Backend(client, containers, {"models": folder / "models"}, folder / "pods")
        yield Emulated(backend, project, folder / "models")


@pytest.fixture(scope="module")
def first(emulated: Emulated) -> Run:
    return emulated.run(emulated.compiled())


def test_it_gives_what_it_gives_here(first: Run, emulated: Emulated, finished: Path) -> None:
    assert first.state == "SUCCEEDED", first.error
    found = json.loads(
        (emulated.backend.output(first, "compare", "comparison") / "comparison.json").read_text()
    )
    # Its first run: other tests run the same project again, with other money.
    here = json.loads((min((finished / "runs").glob("2*")) / "comparison.json").read_text())
    assert timeless(found) == timeless(here)
    (version,) = (emulated.volume / "live" / "demo").iterdir()
    assert (version / "saved_model.pb").is_file()
    report = emulated.backend.output(first, "write-report", "report") / "report.html"
    assert "<html" in report.read_text()


def test_the_cache_answers_and_a_failing_last_task_pushes_nothing(first: Run, emulated: Emulated) -> None:
    (emulated.volume / "full").write_text("a file where models should go")
    documents = emulated.compiled()
    parameters = documents[0]["root"]["dag"]["tasks"]["pusher"]["inputs"]["parameters"]
    destination = parameters["push_destination"]["runtimeValue"]
    destination["constant"] = destination["constant"].replace("/models/live", "/models/full")
    run = emulated.run(documents)
    assert [task for task, seconds in run.seconds.items() if seconds >= 0] == ["write-report"]
    assert first.seconds["compare"] > 0
    assert (run.state, run.failed) == ("FAILED", "pusher")
    assert "Not a directory: '/models/full" in run.error
    assert (emulated.volume / "full").is_file()
    assert len(list((emulated.volume / "live" / "demo").iterdir())) == 1


def test_a_pusher_that_is_killed_is_tried_again(first: Run, emulated: Emulated) -> None:
    """The first try is killed while it copies: its container sees a model with a file that never ends."""
    emulated.backend.containers = Killing(emulated.backend.containers)
    try:
        run = emulated.run(emulated.compiled(models="/models/again", retries=1))
    finally:
        killing, emulated.backend.containers = emulated.backend.containers, emulated.backend.containers.whole
    assert run.state == "SUCCEEDED", run.error
    assert killing.killed == 1
    names = sorted(item.name for item in (emulated.volume / "again" / "demo").iterdir())
    # What the killed one left stays hidden; one version is whole.
    assert [name.startswith(".") for name in names] == [True, False]
    assert (emulated.volume / "again" / "demo" / names[1] / "saved_model.pb").is_file()


def test_models_that_cannot_be_written_are_told_before_anything_runs(emulated: Emulated) -> None:
    (emulated.volume / "file").write_text("no folder")
    documents = emulated.compiled(models="/models/file")
    documents[0]["root"]["dag"]["tasks"]["row-example-gen"].pop("cachingOptions", None)
    run = emulated.run(documents)
    assert (run.state, run.failed) == ("FAILED", "row-example-gen")
    assert "error: RowExampleGen: kubeflow.models: /models/file cannot be written to by user" in run.error


def test_secrets_become_environment(emulated: Emulated) -> None:
    documents = emulated.compiled(secrets={"AWS_ACCESS_KEY_ID": "store/accesskey"})
    documents[0]["root"]["dag"]["tasks"]["row-example-gen"].pop("cachingOptions", None)
    run = emulated.run(documents, until="row-example-gen")
    assert "couldn't find key accesskey in Secret store" in run.error
    emulated.backend.secrets["store"] = {"accesskey": "somebody"}
    run = emulated.run(documents, until="row-example-gen")
    assert run.state == "SUCCEEDED", run.error


def test_a_bucket_that_denies(first: Run, emulated: Emulated) -> None:
    client = emulated.backend.client
    emulated.backend.client = Denying(client)
    documents = emulated.compiled()
    parameters = documents[0]["root"]["dag"]["tasks"]["metric-gate"]["inputs"]["parameters"]
    parameters["code"]["runtimeValue"]["constant"] = "denied"
    run = emulated.run(documents, until="metric-gate")
    emulated.backend.client = client
    assert (run.state, run.failed) == ("FAILED", "metric-gate")
    assert "failed to download input artifact" in run.error
    assert "AccessDenied" in run.error


def test_tfxs_own_entrypoint_fails(emulated: Emulated) -> None:
    documents = emulated.compiled()
    executors = documents[0]["deploymentSpec"]["executors"]
    container = executors["row-example-gen-executor"]["container"]
    container["command"][-1] = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
    run = emulated.run(documents, until="row-example-gen")
    assert run.state == "FAILED"
    assert "system.Artifact" in run.error


def test_a_bucket_that_gives_nothing(first: Run, emulated: Emulated) -> None:
    uri = first.store.artifacts["row-example-gen", "schema"]["uri"]
    key = uri.removeprefix(f"s3://{BUCKET}/") + "/schema.pbtxt"
    client = emulated.backend.client
    kept = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    client.delete_object(Bucket=BUCKET, Key=key)
    documents = emulated.compiled()
    parameters = documents[0]["root"]["dag"]["tasks"]["metric-gate"]["inputs"]["parameters"]
    parameters["code"]["runtimeValue"]["constant"] = "another"
    run = emulated.run(documents, until="metric-gate")
    client.put_object(Bucket=BUCKET, Key=key, Body=kept)
    assert (run.state, run.failed) == ("FAILED", "metric-gate")
    assert f"error: MetricGate: of its input 'schema' nothing is at {uri}; was it deleted there?" in run.error
    assert uri.startswith(ROOT)


def test_an_image_of_another_state_is_refused(emulated: Emulated) -> None:
    documents = emulated.compiled()
    source = emulated.project / "customer_churn" / "__init__.py"
    kept = source.read_text()
    source.write_text(kept + "# edited after the image was built\n")
    documents[0]["root"]["dag"]["tasks"]["row-example-gen"].pop("cachingOptions")
    run = emulated.run(documents, until="row-example-gen")
    source.write_text(kept)
    assert run.state == "FAILED"
    assert (
        "the image holds another state of customer_churn than was compiled; build the image anew" in run.error
    )
    assert "Traceback" not in run.error
