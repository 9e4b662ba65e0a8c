"""The graph as Kubeflow Pipelines' IR YAML, in the dialect that the open-source backend accepts.

TFX compiles for a managed service. What is mended here: names that Argo accepts, the pipeline's root,
resources as texts, retries, and a second document with what only Kubernetes knows. Formats:
`pipeline_spec.proto` and `kubernetes_executor_config.proto` of kubeflow/pipelines.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)
from tfx.orchestration.pipeline import Pipeline

import solutionkit
from solutionkit.declaration import FILE_NAME, READER, Declaration
from solutionkit.declaration_parts import Kubeflow, Resources
from solutionkit.declared_file import declared_places
from solutionkit.errors import UserError
from solutionkit.examples.changes import expected_features
from solutionkit.object_store import is_remote
from solutionkit.pipeline.fingerprint import project_hash
from solutionkit.pipeline.graph import DEFAULT, Place, build_pipeline, refuse_unknown_nodes
from solutionkit.runner.kubeflow.entrypoint import CARDS, MODELS, PROJECT_HASH, VERSION
from solutionkit.runner.kubeflow.executor_input import elsewhere
from solutionkit.use_case import Project

# Where the Containerfile puts the project.
FOLDER = Path("/home/solution/project")
COMMAND = ["python", "-m", "solutionkit.runner.kubeflow.entrypoint"]
# Runs have a report of their own, where it is looked for; and what is live no cache knows.
ALWAYS = {"WriteReport", "Pusher"}
# Argo counts the longest time from the start of the first try; without one it never tries again.
RETRYING = {"backoffDuration": "30s", "backoffFactor": 2.0, "backoffMaxDuration": "604800s"}
# What Kubernetes replaces in a container's arguments.
REPLACED = ("$(", "$$")


def compile_pipeline(project: Project, data: str = "") -> list[dict[str, Any]]:
    """A project as the documents of an IR YAML: the pipeline, and what of it only Kubernetes knows.

    Args:
        project: Its declaration says by `[kubeflow]` where it runs.
        data: Names the data's content, see `pipeline.fingerprint.input_hash`; without it the data is read
            in every run, with it the backend's cache may answer.

    Raises:
        UserError: The declaration lacks something that a cluster needs.
    """
    wished = project.declaration.kubeflow
    image, root, models = needed(wished)
    refuse_places_elsewhere(project)
    pipeline = build_pipeline(project, data, Place(FOLDER, models, expected_features(project)))
    refuse_what_kubernetes_replaces(pipeline, project.declaration)
    refuse_unseen_results(project.declaration, root)
    nodes = [node.id for node in pipeline.components]
    refuse_unknown_nodes("kubeflow.resources", wished.resources, nodes)
    spec = named_for_argo(stock_specification(pipeline, project.name, image))
    spec["defaultPipelineRoot"] = root.rstrip("/")
    executors = spec["deploymentSpec"]["executors"]
    arguments = {"project": str(FOLDER), "package": project.package}
    # Not among the arguments, by which the backend's cache goes: there each node has its own code's hash.
    compiled_from = {
        VERSION: solutionkit.__version__,
        PROJECT_HASH: project_hash(project.folder, project.package),
    }
    platform = {}
    for node in nodes:
        task = spec["root"]["dag"]["tasks"][argo_name(node)]
        component = spec["components"][task["componentRef"]["name"]]
        label = component["executorLabel"]
        container = executors[label]["container"]
        # In an order of their own: arguments are part of the cache's key.
        outputs = ",".join(sorted(component.get("outputDefinitions", {}).get("artifacts", {})))
        own = {"node": node, "outputs": outputs, **arguments}
        told = [part for name, value in own.items() for part in (f"--{name}", value)]
        container["args"] = [*told, *container["args"]]
        asked = wished.resources.get(node, wished.resources.get(DEFAULT))
        if asked:
            # As texts: the numbers of the same names are deprecated, and know no accelerator by its name.
            container["resources"] = resources(asked)
        # TensorFlow is kept from graphics cards unless they were asked for.
        count = asked.gpu if asked else 0
        variables = {
            "CUDA_VISIBLE_DEVICES": ",".join(map(str, range(count))) or "-1",
            **compiled_from,
            **({CARDS: str(count)} if count else {}),
            **({MODELS: models} if node == READER and not is_remote(models) else {}),
            **wished.environment,
        }
        container["env"] = [{"name": name, "value": value} for name, value in variables.items()]
        if node in ALWAYS or (node == READER and not data):
            task.pop("cachingOptions", None)
        if wished.retries:
            task["retryPolicy"] = {**RETRYING, "maxRetryCount": wished.retries}
        platform[label] = kubernetes(wished)
    return [spec, {"platforms": {"kubernetes": {"deploymentSpec": {"executors": platform}}}}]


def needed(wished: Kubeflow) -> tuple[str, str, str]:
    """Image, root and where models go.

    Raises:
        UserError: One is not declared.
    """
    examples = {
        "image": "registry.example.org/churn:1",
        "pipeline_root": "s3://bucket/churn",
        "models": "s3://bucket/models",
    }
    found = {name: getattr(wished, name) for name in examples}
    missing = [f'{name} = "{example}"' for name, example in examples.items() if found[name] is None]
    if missing:
        raise UserError(
            f"{FILE_NAME}: 'kubeflow' lacks what a cluster needs; add there, with your own values:"
            + "".join(f"\n  {line}" for line in missing)
        )
    return found["image"], found["pipeline_root"], found["models"]


def refuse_places_elsewhere(project: Project) -> None:
    """Refuse places of this machine that no container sees.

    Raises:
        UserError: A declared path lies neither in the project, nor in a volume, nor in an object store.
    """
    wished = project.declaration.kubeflow
    volumes = [Path(volume.path) for volume in wished.volumes]
    shown = 'kubeflow.volumes = [{claim = "…", path = "/data"}]'
    for key, path in declared_places(project.declaration).items():
        if not is_remote(path) and not any(path.is_relative_to(item) for item in [project.folder, *volumes]):
            raise UserError(
                f"{FILE_NAME}: '{key}': {path} is a place of this machine, which no container sees; put it"
                f" into the project, which the image holds, into a volume ({shown}), or into an object store"
                " (s3://, gs://, minio://)."
            )
    models = wished.models or ""
    if not is_remote(models) and not any(Path(models).is_relative_to(item) for item in volumes):
        raise UserError(
            f"{FILE_NAME}: 'kubeflow.models': {models} would be gone with the container; name a place in a"
            f" volume ({shown}) or in an object store."
        )


def refuse_what_kubernetes_replaces(pipeline: Pipeline, declaration: Declaration) -> None:
    """Refuse declared texts that would not reach a container as they are.

    Args:
        pipeline: What its nodes are told.
        declaration: What their environment is, and Beam's arguments.

    Raises:
        UserError: One holds what Kubernetes takes for a variable.
    """
    texts = [
        (f"what {node.id} is told ({name})", value)
        for node in pipeline.components
        for name, value in node.exec_properties.items()
    ]
    texts += [
        (f"kubeflow.environment.{name}", value) for name, value in declaration.kubeflow.environment.items()
    ]
    texts += [(f"beam.{node}", value) for node, values in declaration.beam.items() for value in values]
    for place, value in texts:
        for mark in REPLACED:
            if isinstance(value, str) and mark in value:
                near = value[max(0, value.index(mark) - 20) :][:45]
                raise UserError(
                    f"{FILE_NAME}: '{mark}' in {place}, …{near}…, would be replaced by Kubernetes; write it"
                    " otherwise."
                )


def refuse_unseen_results(declaration: Declaration, root: str) -> None:
    """Refuse Beam's runners on machines that cannot read and write where the results of nodes are.

    Raises:
        UserError: There is one. TFX and Beam reach Google's store by themselves, and no other.
    """
    for node, arguments in declaration.beam.items():
        if node != READER and elsewhere(arguments) and not root.startswith("gs://"):
            raise UserError(
                f"{FILE_NAME}: 'beam.{node}': workers of another runner read and write at"
                f" kubeflow.pipeline_root, and TFX knows gs:// alone there, not {root}; let it run in its"
                " container, or choose a pipeline_root with gs://."
            )


def stock_specification(pipeline: Pipeline, name: str, image: str) -> dict[str, Any]:
    """What TFX compiles, as a dictionary in `PipelineSpec`'s JSON form."""
    pipeline.pipeline_info.pipeline_name = pipeline_name(name)
    config = KubeflowV2DagRunnerConfig(
        default_image=image, default_commands=COMMAND, use_pipeline_spec_2_1=True
    )
    job = KubeflowV2DagRunner(config).run(pipeline, write_out=False)
    spec: dict[str, Any] = job["pipelineSpec"]
    return spec


def pipeline_name(name: str) -> str:
    """A name of letters, digits and hyphens, as the backend wants it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "pipeline"


def resources(asked: Resources) -> dict[str, Any]:
    """What a container asks for, and may use."""
    told: dict[str, Any] = {}
    for name, value in (("Cpu", f"{asked.cpu:g}" if asked.cpu else None), ("Memory", asked.memory)):
        if value:
            told |= {f"resource{name}Request": value, f"resource{name}Limit": value}
    if asked.gpu:
        told["accelerator"] = {"resourceType": asked.gpu_type, "resourceCount": str(asked.gpu)}
    return told


def kubernetes(wished: Kubeflow) -> dict[str, Any]:
    """Volumes and secrets of a container, as backends before and since 2.5 know them."""

    def constant(value: str) -> dict[str, Any]:
        return {"runtimeValue": {"constant": value}}

    told: dict[str, Any] = {}
    if not wished.pinned:
        # What a tag means may have changed.
        told["imagePullPolicy"] = "Always"
    if wished.volumes:
        told["pvcMount"] = [{"constant": volume.claim, "mountPath": volume.path} for volume in wished.volumes]
    if wished.secrets:
        told["secretAsEnv"] = [
            {
                "secretNameParameter": constant(place.partition("/")[0]),
                "secretName": place.partition("/")[0],
                "keyToEnv": [{"secretKey": place.partition("/")[2], "envVar": name}],
            }
            for name, place in wished.secrets.items()
        ]
    if wished.pull_secrets:
        told["imagePullSecret"] = [
            {"secretNameParameter": constant(name), "secretName": name} for name in wished.pull_secrets
        ]
    return told


def argo_name(node: str) -> str:
    """A node's name as a task's: Argo takes no dots, and reads `a.Succeeded` as a condition."""
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", node).lower())


def named_for_argo(spec: dict[str, Any]) -> dict[str, Any]:
    """A specification whose components, tasks and executors are called as Argo takes it."""
    executors = spec["deploymentSpec"]["executors"]
    spec["deploymentSpec"]["executors"] = {argo_name(name): item for name, item in executors.items()}
    spec["components"] = {argo_name(name): item for name, item in spec["components"].items()}
    for component in spec["components"].values():
        component["executorLabel"] = argo_name(component["executorLabel"])
    dag = spec["root"]["dag"]
    dag["tasks"] = {argo_name(name): item for name, item in dag["tasks"].items()}
    for name, task in dag["tasks"].items():
        task["taskInfo"]["name"] = name
        task["componentRef"]["name"] = argo_name(task["componentRef"]["name"])
        task["dependentTasks"] = [argo_name(other) for other in task.get("dependentTasks", [])]
        for artifact in task["inputs"].get("artifacts", {}).values():
            produced = artifact["taskOutputArtifact"]
            produced["producerTask"] = argo_name(produced["producerTask"])
    return spec
