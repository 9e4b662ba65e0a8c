"""What a container gets: `driver/container.go`, `driver/resolve.go`, `metadata/client.go`."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from emulated_kubeflow.acceptance import Accepted

STAGED = {"gs": "/gcs/", "s3": "/s3/", "minio": "/minio/"}


class FailedError(Exception):
    """A task failed, in the backend's words."""


@dataclass
class Store:
    """The metadata store, as far as the backend reads back from it: outputs by task and name."""

    artifacts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def register(self, task: str, name: str, item: dict[str, Any]) -> None:
        number = str(len(self.artifacts) + 1)
        self.artifacts[task, name] = {"id": number, **item}


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
