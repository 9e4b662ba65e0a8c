"""Every use case compiles, without its data, to what the open-source backend accepts; and what it refuses."""

import copy
import dataclasses
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from declared_project import DECLARED, project_of

from emulated_kubeflow.acceptance import RefusedError, accept
from emulated_kubeflow.driver import FailedError, Store, executor_input
from solutionkit.declared_file import overridden
from solutionkit.errors import UserError
from solutionkit.runner.kubeflow.compiled import FOLDER, argo_name, compile_pipeline, pipeline_name
from solutionkit.use_case import Project, load_project
from support import BIN, ROOT, solutionkit

pytestmark = pytest.mark.slow

USE_CASES = sorted(item.parent.name for item in (ROOT / "templates").glob("*/use_case.toml"))


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_of("customer_churn", tmp_path_factory.mktemp("churn"))


@pytest.fixture(scope="module")
def documents(churn: Project) -> list[dict[str, Any]]:
    return compile_pipeline(churn)


def text_of(documents: list[dict[str, Any]]) -> str:
    return yaml.safe_dump_all(documents)


@pytest.mark.parametrize("use_case", USE_CASES)
def test_every_use_case_is_accepted(use_case: str, tmp_path: Path) -> None:
    accepted = accept(text_of(compile_pipeline(project_of(use_case, tmp_path))))
    assert accepted.name == "demo-1"
    assert {"row-example-gen", "trainer-baseline", "trainer-deep", "compare", "pusher"} <= set(accepted.tasks)
    # No task sees a folder of this machine.
    assert str(tmp_path) not in json.dumps(accepted.spec)


def test_names() -> None:
    assert argo_name("RowExampleGen") == "row-example-gen"
    assert argo_name("Trainer.deep") == "trainer-deep"
    assert pipeline_name("My_churn.2") == "my-churn-2"


def test_what_a_container_asks_for(documents: list[dict[str, Any]]) -> None:
    accepted = accept(text_of(documents))
    deep, compare = accepted.executor("trainer-deep"), accepted.executor("compare")
    assert deep["resources"] == {
        "resourceCpuLimit": "4",
        "resourceCpuRequest": "4",
        "resourceMemoryLimit": "8Gi",
        "resourceMemoryRequest": "8Gi",
        "accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "2"},
    }
    assert compare["resources"]["resourceCpuLimit"] == "0.5"
    assert {"name": "CUDA_VISIBLE_DEVICES", "value": "0,1"} in deep["env"]
    assert {"name": "CUDA_VISIBLE_DEVICES", "value": "-1"} in compare["env"]
    assert {"name": "AWS_ENDPOINT_URL", "value": "http://minio:9000"} in compare["env"]
    assert {"name": "SOLUTIONKIT_GPUS", "value": "2"} in deep["env"]
    reader = accepted.executor("row-example-gen")["env"]
    assert {"name": "SOLUTIONKIT_MODELS", "value": "/models"} in reader
    # No value of a secret is anywhere.
    assert "accesskey" not in json.dumps(accepted.spec)
    assert compare["image"] == "registry.example.org/demo:1"
    assert accepted.tasks["compare"]["retryPolicy"]["maxRetryCount"] == 2
    assert accepted.kubernetes("compare") == {
        "imagePullPolicy": "Always",
        "pvcMount": [{"constant": "models", "mountPath": "/models"}],
        "secretAsEnv": [
            {
                "secretNameParameter": {"runtimeValue": {"constant": "store"}},
                "secretName": "store",
                "keyToEnv": [{"secretKey": "accesskey", "envVar": "AWS_ACCESS_KEY_ID"}],
            }
        ],
        "imagePullSecret": [
            {"secretNameParameter": {"runtimeValue": {"constant": "registry"}}, "secretName": "registry"}
        ],
    }
    assert accepted.spec["defaultPipelineRoot"] == "s3://bucket/demo"


def test_the_cache_answers_only_where_the_data_is_known(
    churn: Project, documents: list[dict[str, Any]]
) -> None:
    def cached(found: list[dict[str, Any]]) -> set[str]:
        tasks = found[0]["root"]["dag"]["tasks"]
        return {name for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}

    without, known = cached(documents), cached(compile_pipeline(churn, "abc"))
    assert known - without == {"row-example-gen"}
    # Each run has a report of its own, and what is live no cache knows.
    assert known & {"write-report", "pusher"} == set()
    assert {"trainer-deep", "compare"} <= without


def test_paths_are_those_of_the_image(documents: list[dict[str, Any]]) -> None:
    accepted = accept(text_of(documents))
    given = executor_input(accepted, "row-example-gen", "s3://bucket/run", Store())
    values = given["inputs"]["parameterValues"]
    assert values["project"] == str(FOLDER)
    assert json.loads(values["declaration"])["data"]["path"] == str(FOLDER / "data" / "sample.csv")
    # The sample is learned from as here, although it lies elsewhere.
    trained = accepted.tasks["trainer-deep"]["inputs"]["parameters"]["custom_config"]["runtimeValue"]
    assert json.loads(trained["constant"])["training"]["preset"] == "quick"


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("", r"'kubeflow' lacks what a cluster needs.*\n  image = .*\n  pipeline_root = .*\n  models = "),
        (DECLARED.replace("/models", "/elsewhere", 1), r"'kubeflow.models': /elsewhere would be gone"),
        (DECLARED.replace("default", '"Trainer.deap"'), "'kubeflow.resources.Trainer.deap': there is no such node.*Trainer.deep"),
        (DECLARED + '[beam]\nCompare = ["--runner=DirectRunner"]\n', "'beam.Compare': there is no such node"),
        (DECLARED + '[beam]\nTransform = ["--runner=FlinkRunner"]\n', "'beam.Transform': workers of another runner read and write at"),
        (DECLARED.replace("http://minio:9000", "http://$(HOST):9000"), r"'\$\(' in kubeflow.environment.AWS_ENDPOINT_URL"),
        (DECLARED.replace("[kubeflow]", '[project]\ntitle = "$(HOME) sweet"\n[kubeflow]'), r"'\$\(' in what WriteReport is told"),
    ],
    ids=["nothing", "models", "resources", "beam", "workers", "environment", "variable"],
)  # fmt: skip
def test_what_a_cluster_cannot_do(declared: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"(?s){told}"):
        compile_pipeline(project_of("customer_churn", tmp_path, declared))


def test_data_of_this_machine(churn: Project, tmp_path: Path) -> None:
    def compiled_with(path: Path) -> list[dict[str, Any]]:
        declaration = overridden(churn.declaration, "data", path=path)
        return compile_pipeline(Project(churn.folder, declaration, churn.package, churn.name))

    with pytest.raises(
        UserError, match=r"'data.path': .* is a place of this machine, which no container sees"
    ):
        compiled_with(tmp_path / "data.csv")
    for place in (Path("/models/data.csv"), Path("s3://bucket/data.csv")):
        tasks = compiled_with(place)[0]["root"]["dag"]["tasks"]
        told = tasks["row-example-gen"]["inputs"]["parameters"]["declaration"]["runtimeValue"]["constant"]
        assert json.loads(told)["data"]["path"] == str(place)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ('environment = {AWS_SECRET_ACCESS_KEY = "x"}', "AWS_SECRET_ACCESS_KEY looks like a secret"),
        ('environment = {"A B" = "x"}', "'A B' is no name of a variable"),
        ('environment = {A = "x"}\nsecrets = {A = "b/c"}', "A stands under secrets too"),
        ('secrets = {A = "b"}', 'A = "b" is not NAME = "secret/key"'),
        ('volumes = [{claim = "a", path = "/tmp"}]', "/tmp would hide /tmp"),
        ('volumes = [{claim = "a", path = "/home"}]', "/home would hide /home/solution/project"),
        ('volumes = [{claim = "a", path = "/s3/x"}]', "/s3/x would hide /s3"),
        ('volumes = [{claim = "a", path = "/d"}, {claim = "b", path = "/d"}]', "a path stands twice"),
        ('volumes = [{claim = "A_b", path = "/d"}]', "kubeflow.volumes.0.claim"),
        ('image = "untagged"', "kubeflow.image"),
        ('pipeline_root = "/tmp/root"', "kubeflow.pipeline_root"),
    ],
)
def test_what_is_declared_wrongly(declared: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        project_of("customer_churn", tmp_path, f"[kubeflow]\n{declared}\n")


def test_a_schedule_expects_the_columns_of_the_latest_run(churn: Project, finished: Path) -> None:
    expectations = []
    for folder in (churn.folder, finished):
        project = load_project(folder)
        wished = churn.declaration.kubeflow
        declaration = project.declaration.model_copy(update={"kubeflow": wished})
        documents = compile_pipeline(dataclasses.replace(project, declaration=declaration))
        told = documents[0]["root"]["dag"]["tasks"]["row-example-gen"]["inputs"]["parameters"]["expected"]
        expectations.append(json.loads(told["runtimeValue"]["constant"]))
    without_a_run, after_a_run = expectations
    assert without_a_run == {}
    assert after_a_run["tenure_months"] == "numeric"


def test_beams_arguments_reach_their_containers(tmp_path: Path) -> None:
    declared = DECLARED + '[beam]\nTransform = ["--runner=FlinkRunner", "--flink_master=f:8081"]\n'
    declared = declared.replace("s3://bucket/demo/", "gs://bucket/demo")
    accepted = accept(text_of(compile_pipeline(project_of("customer_churn", tmp_path, declared))))
    assert accepted.executor("transform")["args"][-2:] == ["--runner=FlinkRunner", "--flink_master=f:8081"]
    assert "FlinkRunner" not in json.dumps(accepted.executor("evaluator"))


def test_the_command(churn: Project, tmp_path: Path) -> None:
    file = tmp_path / "made" / "pipeline.yaml"
    answer = solutionkit(churn.folder, "kubeflow", "compile", "--output", str(file), "--image", "r.org/i@sha256:" + "0" * 64)  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert accept(file.read_text()).executor("compare")["image"].startswith("r.org/i@sha256:")
    assert "r.org/i@sha256" in answer.stdout
    # What a digest means does not change.
    assert "imagePullPolicy" not in file.read_text()
    answer = solutionkit(churn.folder, "kubeflow", "compile", "--recurring", "0 3 * * 1")
    assert answer.returncode == 1
    assert "--recurring belongs to `solutionkit kubeflow submit`" in answer.stderr
    answer = solutionkit(churn.folder, "kubeflow", "compile", "--image", "no tag")
    assert answer.returncode == 1
    assert "--image no tag" in answer.stderr


def test_another_process_compiles_the_same(churn: Project, tmp_path: Path) -> None:
    """Arguments are part of the cache's key: what moves in them would run everything again."""
    texts = []
    for seed in ("1", "2"):
        file = tmp_path / f"{seed}.yaml"
        command = [str(BIN / "solutionkit"), "--project", str(churn.folder), "kubeflow", "compile", "--output", str(file)]  # fmt: skip
        answer = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True)
        assert answer.returncode == 0
        texts.append(file.read_text())
    assert texts[0] == texts[1]


def broken(documents: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]], str]]:
    """What the backend does not take, and what it says."""

    def edited(change: Any) -> list[dict[str, Any]]:
        found = copy.deepcopy(documents)
        change(found[0])
        return found

    def resolver(spec: dict[str, Any]) -> None:
        label = spec["components"]["trainer-deep"]["executorLabel"]
        spec["deploymentSpec"]["executors"][label] = {"resolver": {"outputArtifactQueries": {}}}

    def parameter(spec: dict[str, Any]) -> None:
        spec["root"]["inputDefinitions"] = {"parameters": {"data": {"parameterType": "STRING"}}}

    def dotted(spec: dict[str, Any]) -> None:
        tasks = spec["root"]["dag"]["tasks"]
        tasks["Trainer.deep"] = tasks.pop("trainer-deep")

    def never_again(spec: dict[str, Any]) -> None:
        del spec["root"]["dag"]["tasks"]["compare"]["retryPolicy"]["backoffMaxDuration"]

    yield "resolver", edited(resolver), "non-container and non-importer executor not implemented"
    yield "parameter", edited(parameter), "parameter data is not optional, yet has neither default value"
    yield "dotted", edited(dotted), "name 'Trainer.deep' is invalid"
    yield "retries", edited(never_again), "Max duration limit exceeded"
    yield (
        "schema",
        edited(lambda spec: spec.update(schemaVersion="2.0.0")),
        "only supports schema version 2.1.0",
    )
    yield (
        "name",
        edited(lambda spec: spec["pipelineInfo"].update(name="My_demo")),
        "only lowercase alphanumeric",
    )
    yield "unknown key", edited(lambda spec: spec.update(runtimeConfig={})), "unknown template format"


def test_what_the_backend_refuses(documents: list[dict[str, Any]]) -> None:
    for name, found, told in broken(documents):
        with pytest.raises(RefusedError) as refused:
            accept(text_of(found))
        assert told in str(refused.value), name
    with pytest.raises(RefusedError, match="Unexpected pipeline file format"):
        accept(text_of(documents), filename="pipeline.json5")


def test_a_wrong_type_fails_in_the_driver(documents: list[dict[str, Any]]) -> None:
    found = copy.deepcopy(documents)
    parameters = found[0]["root"]["dag"]["tasks"]["explain"]["inputs"]["parameters"]
    parameters["seed"]["runtimeValue"]["constant"] = "twenty"
    store = Store()
    for task, names in {"row-example-gen": ("examples",), "trainer-deep": ("model",), "compare": ("comparison",)}.items():  # fmt: skip
        for name in names:
            store.register(task, name, {"uri": "s3://bucket/x", "metadata": {}})
    for task in ("trainer-baseline", "trainer-simple"):
        store.register(task, "model", {"uri": "s3://bucket/x", "metadata": {}})
    with pytest.raises(FailedError, match='parameter "seed" type mismatch: expect NUMBER_INTEGER, got str'):
        executor_input(accept(text_of(found)), "explain", "s3://bucket/run", store)
