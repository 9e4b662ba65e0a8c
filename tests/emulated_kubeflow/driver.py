"""What a container gets: `driver/container.go`, `driver/resolve.go`, `metadata/client.go`."""

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from emulated_kubeflow.acceptance import Accepted

STAGED = {"gs": "/gcs/", "s3": "/s3/", "minio": "/minio/"}


class FailedError(Exception):
    """A task failed, in the backend's words."""


Artifact = dict[str, Any]


@dataclass
class Store:
    """The metadata store, as far as the backend reads back from it.

    Attributes:
        artifacts: A run's outputs, by task and name.
        cached: Outputs by the fingerprint of the task that made them, of all runs.
        count: How many artifacts there are.
    """

    artifacts: dict[tuple[str, str], Artifact] = field(default_factory=dict)
    cached: dict[str, dict[str, Artifact]] = field(default_factory=dict)
    count: int = 0

    def register(self, task: str, name: str, item: Artifact) -> None:
        self.count += 1
        self.artifacts[task, name] = {"id": str(self.count), **item}

    def outputs(self, task: str) -> dict[str, Artifact]:
        return {name: item for (producer, name), item in self.artifacts.items() if producer == task}

    def next_run(self) -> "Store":
        return Store({}, self.cached, self.count)


def fingerprint(accepted: Accepted, task: str, given: dict[str, Any]) -> str:
    """What the backend's cache goes by: `driver/cache.go`; no environment and no content is in it."""
    container = accepted.executor(task)
    inputs = {
        name: [item["name"] for item in listed["artifacts"]]
        for name, listed in given["inputs"]["artifacts"].items()
    }
    volumes = sorted(item["constant"] for item in accepted.kubernetes(task).get("pvcMount", []))
    outputs = accepted.component(task).get("outputDefinitions", {})
    key = [
        accepted.name,
        inputs,
        given["inputs"]["parameterValues"],
        outputs,
        container["image"],
        [*container["command"], *container.get("args", [])],
        volumes,
    ]
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def local_path(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    if scheme not in STAGED:
        raise FailedError(f"failed to generate local path for URI {uri}: unsupported storage scheme")
    return STAGED[scheme] + rest


def executor_input(accepted: Accepted, task: str, root: str, store: Store) -> dict[str, Any]:
    """An `ExecutorInput` in its JSON form; `root` is the run's own."""
    component, inputs = accepted.component(task), accepted.tasks[task].get("inputs", {})
    specified = component.get("inputDefinitions", {}).get("parameters", {})
    values = {}
    for name, source in inputs.get("parameters", {}).items():
        if "runtimeValue" not in source or "constant" not in source["runtimeValue"]:
            raise FailedError(f"param runtime value spec of type {source} not implemented")
        values[name] = typed(name, source["runtimeValue"]["constant"], specified[name]["parameterType"])
    for name, item in specified.items():
        if name not in values and not item.get("isOptional"):
            raise FailedError(f'neither value nor default value provided for non-optional parameter "{name}"')
    artifacts = {}
    for name, source in inputs.get("artifacts", {}).items():
        produced = source["taskOutputArtifact"]
        item = store.artifacts.get((produced["producerTask"], produced["outputArtifactKey"]))
        if item is None:
            raise FailedError(f"unable to find artifact {name} of {produced['producerTask']}")
        # What the title of the type was does not come through.
        artifacts[name] = {
            "artifacts": [
                {
                    "name": item["id"],
                    "type": {"instanceSchema": ""},
                    "uri": item["uri"],
                    "metadata": {
                        **{key: came_back(value) for key, value in item["metadata"].items()},
                        "display_name": name,
                        "store_session_info": json.dumps({"Provider": "s3", "Params": {"fromEnv": "true"}}),
                    },
                }
            ]
        }
    execution = f"{root}/{task}/{uuid.uuid4()}"
    outputs = {
        name: {"artifacts": [{"name": name, "type": item["artifactType"], "uri": f"{execution}/{name}"}]}
        for name, item in component.get("outputDefinitions", {}).get("artifacts", {}).items()
    }
    logs = {"schemaTitle": "system.Artifact"}
    outputs["executor-logs"] = {
        "artifacts": [{"name": "executor-logs", "type": logs, "uri": f"{execution}/executor-logs-0"}]
    }
    answer = f"{local_path(execution)}/output_metadata.json"
    return {
        "inputs": {"artifacts": artifacts, "parameterValues": values},
        "outputs": {"artifacts": outputs, "outputFile": answer},
    }


def typed(name: str, value: Any, kind: str) -> Any:
    if kind == "STRING":
        return value if isinstance(value, str) else json.dumps(value)
    if kind == "NUMBER_INTEGER" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "NUMBER_DOUBLE" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "BOOLEAN" and isinstance(value, bool):
        return value
    got = type(value).__name__
    raise FailedError(f'input parameter "{name}" type mismatch: expect {kind}, got {got}')


def came_back(value: Any) -> Any:
    """A value of metadata as the store gives it back."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, list):
        return {"list": value}
    return {"struct": value} if isinstance(value, dict) else value
