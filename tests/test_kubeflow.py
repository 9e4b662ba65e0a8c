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

from emulated_kubeflow.backend import BUCKET, ROOT, Backend, Run, object_store
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
DECLARED = """
[kubeflow]
image = "localhost/demo:1"
pipeline_root = "s3://pipelines/demo"
models = "/models/live"
volumes = [{claim = "models", path = "/models"}]
retries = 0
"""
TIMES = {"latency_ms", "train_seconds", "run_id"}


def timeless(result: Any) -> Any:
    if isinstance(result, dict):
        return {key: timeless(value) for key, value in result.items() if key not in TIMES}
    return [timeless(item) for item in result] if isinstance(result, list) else result


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


@pytest.fixture(scope="module")
def emulated(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    folder = tmp_path_factory.mktemp("kubeflow")
    project = folder / "demo"
    shutil.copytree(finished, project, ignore=shutil.ignore_patterns(".pipeline", "runs", "models"))
    with (project / "use_case.toml").open("a") as stream:
        stream.write(DECLARED)
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
    here = json.loads((finished / "runs" / "latest" / "comparison.json").read_text())
    assert timeless(found) == timeless(here)
    (version,) = (emulated.volume / "live" / "demo").iterdir()
    assert (version / "saved_model.pb").is_file()
    report = emulated.backend.output(first, "write-report", "report") / "report.html"
    assert "<html" in report.read_text()


def test_the_cache_answers_and_a_failing_last_task_pushes_nothing(first: Run, emulated: Emulated) -> None:
    (emulated.volume / "full").write_text("a file where models should go")
    run = emulated.run(emulated.compiled(models="/models/full"))
    assert [task for task, seconds in run.seconds.items() if seconds >= 0] == ["write-report"]
    assert (run.state, run.failed) == ("FAILED", "pusher")
    assert "Not a directory: '/models/full" in run.error
    assert (emulated.volume / "full").is_file()
    assert len(list((emulated.volume / "live" / "demo").iterdir())) == 1


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
    assert f"error: MetricGate: of its input 'schema' nothing is at {uri}: can the pipeline's" in run.error
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
