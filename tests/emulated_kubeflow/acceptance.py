"""Whether the API server takes a pipeline, and says what it would say (`template/v2_template.go`)."""

import re
from dataclasses import dataclass
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

# Keys of `kubernetes_executor_config.proto` that are parsed strictly.
KUBERNETES = {
    "pvcMount": {"constant", "pvcNameParameter", "mountPath", "subPath"},
    "secretAsEnv": {"secretName", "secretNameParameter", "keyToEnv", "optional"},
    "imagePullSecret": {"secretName", "secretNameParameter"},
    "imagePullPolicy": {"Always", "Never", "IfNotPresent"},
}
# An argument of a process, as Linux bounds it.
LONGEST_ARGUMENT = 131_072


class RefusedError(Exception):
    """The backend refuses the pipeline, in its own words."""


@dataclass(frozen=True)
class Accepted:
    """A pipeline that was taken."""

    spec: dict[str, Any]
    platform: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.spec["pipelineInfo"]["name"])

    @property
    def tasks(self) -> dict[str, Any]:
        tasks: dict[str, Any] = self.spec["root"]["dag"]["tasks"]
        return tasks

    def executor(self, task: str) -> dict[str, Any]:
        label = self.component(task)["executorLabel"]
        container: dict[str, Any] = self.spec["deploymentSpec"]["executors"][label]["container"]
        return container

    def component(self, task: str) -> dict[str, Any]:
        component: dict[str, Any] = self.spec["components"][self.tasks[task]["componentRef"]["name"]]
        return component

    def kubernetes(self, task: str) -> dict[str, Any]:
        executors = self.platform.get("deploymentSpec", {}).get("executors", {})
        found: dict[str, Any] = executors.get(self.component(task)["executorLabel"], {})
        return found


def accept(text: str, parameters: dict[str, Any] | None = None, filename: str = "pipeline.yaml") -> Accepted:
    """Upload and run creation, up to where the first pod would start."""
    if not filename.endswith((".yaml", ".yml")):
        raise RefusedError("Unexpected pipeline file format. Support .zip, .tar.gz, .json or YAML")
    spec: dict[str, Any] | None = None
    platform: dict[str, Any] = {}
    for document in yaml.safe_load_all(text):
        if not document:
            continue
        if is_specification(document):
            if spec is not None:
                raise RefusedError("multiple pipeline specs provided")
            spec = document
        elif "kubernetes" in document.get("platforms", {}):
            platform = strictly(pipeline_spec_pb2.PlatformSpec, document)["platforms"]["kubernetes"]
    if spec is None:
        raise RefusedError("unknown template format: pipeline spec is invalid")
    version = spec.get("schemaVersion", "")
    if version != "2.1.0":
        raise RefusedError(
            f"KFP only supports schema version 2.1.0, but the pipeline spec has version {version}"
        )
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,127}", spec["pipelineInfo"]["name"]):
        raise RefusedError(
            "pipeline's name must contain only lowercase alphanumeric characters or '-' and must start with"
            " alphanumeric characters"
        )
    check_parameters(spec, parameters or {})
    accepted = Accepted(spec, platform)
    check_workflow(accepted)
    return accepted


def is_specification(document: dict[str, Any]) -> bool:
    try:
        parsed = json_format.ParseDict(document, pipeline_spec_pb2.PipelineSpec())
    except json_format.ParseError:
        return False
    return bool(parsed.pipeline_info.name) and parsed.HasField("root")


def strictly(kind: Any, document: dict[str, Any]) -> dict[str, Any]:
    try:
        parsed = json_format.ParseDict(document, kind())
    except json_format.ParseError as error:
        raise RefusedError(f"failed to parse pipeline spec YAML: {error}") from error
    result: dict[str, Any] = json_format.MessageToDict(parsed)
    return result


def check_parameters(spec: dict[str, Any], given: dict[str, Any]) -> None:
    """`validatePipelineJobInputs`."""
    wanted = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    kinds = {"STRING": str, "NUMBER_INTEGER": (int, float), "NUMBER_DOUBLE": (int, float), "BOOLEAN": bool}
    for name, item in wanted.items():
        if name not in given:
            if "defaultValue" not in item and not item.get("isOptional"):
                raise RefusedError(
                    f"parameter {name} is not optional, yet has neither default value nor user provided value"
                )
            continue
        kind = item["parameterType"]
        if not isinstance(given[name], kinds[kind]):
            told = kind.lower().replace("number_integer", "type double or integer")
            raise RefusedError(
                f"input parameter {name} requires type {told}, but the input parameter is not of"
                f" {told} value type"
            )
    unknown = sorted(set(given) - set(wanted))
    if unknown:
        raise RefusedError(f"parameter(s) provided are not required by pipeline: {', '.join(unknown)}")


def check_workflow(accepted: Accepted) -> None:
    """`compiler/visitor.go`, `argocompiler`, Argo's own validation, and Linux's bound of an argument."""
    executors = accepted.spec["deploymentSpec"]["executors"]
    containers: dict[str, str] = {}
    for name, task in accepted.tasks.items():
        if not re.fullmatch(r"[a-zA-Z0-9][-a-zA-Z0-9]*", name):
            raise RefusedError(
                f"Failed to validate workflow: templates.root.tasks: name '{name}' is invalid: name must"
                " consist of alpha-numeric characters or '-', and must start with an alpha-numeric character"
            )
        if task.get("taskInfo", {}).get("name") != name:
            raise RefusedError(f"task {name}: task spec is required")
        component = accepted.spec["components"].get(task["componentRef"]["name"])
        if component is None:
            raise RefusedError(f'cannot find component ref name="{task["componentRef"]["name"]}"')
        label = component.get("executorLabel", "")
        if label not in executors:
            raise RefusedError(
                f'error processing component name="{name}": executor(label="{label}") not found in'
                " deployment config"
            )
        if "container" not in executors[label]:
            raise RefusedError(
                f'Failed to compile job: error processing component name="{name}": executor(label="{label}"):'
                " non-container and non-importer executor not implemented"
            )
        container = executors[label]["container"]
        if not container.get("image") or not container.get("command"):
            raise RefusedError(f"{name}: the image's own entrypoint is never used; a command is needed")
        same = containers.setdefault(str(sorted(container.items())), name)
        if same != name:
            raise RefusedError(f"{name} and {same} have the same container; one's outputs would be lost")
        for artifact in task.get("inputs", {}).get("artifacts", {}).values():
            producer = artifact["taskOutputArtifact"]["producerTask"]
            if producer not in accepted.tasks:
                raise RefusedError(f'unknown producer task "{producer}" in DAG')
            if producer not in task["dependentTasks"]:
                raise RefusedError(f"{name} does not wait for {producer}")
        for key, items in accepted.kubernetes(name).items():
            for item in [{items: ""}] if isinstance(items, str) else items:
                if key not in KUBERNETES or set(item) - KUBERNETES[key]:
                    raise RefusedError(f'failed to unmarshal kubernetes spec for component "{name}": {key}')
        if "retryPolicy" in task and "backoffMaxDuration" not in task["retryPolicy"]:
            raise RefusedError(f"{name}: Max duration limit exceeded. Failing...")
