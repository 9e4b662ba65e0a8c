"""What the open-source backend hands to a container, as TFX's executors expect it, and the way back.

Pure functions on the JSON forms of `ExecutorInput` and `ExecutorOutput` (`pipeline_spec.proto`). The
backend differs from the managed service that TFX was written for in this:

- Of an input's type nothing comes through; the component's own specification has it.
- It adds an output for logs that the component has not.
- Addresses are `s3://`, `gs://` and `minio://`; the launcher keeps what is behind them below `/s3`,
  `/gcs` and `/minio`, and uploads from there.
- Metadata comes back with structs wrapped, and may hold no nulls when it goes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

# Where the launcher keeps what is behind an address.
STAGED = {"gs://": "/gcs/", "s3://": "/s3/", "minio://": "/minio/"}
# In which the metadata store wraps what is neither text nor number.
WRAPPED = ({"struct"}, {"list"})
# Beam's runners in the container itself.
HERE = {"DirectRunner", "BundleBasedDirectRunner", "FnApiRunner", "SwitchingDirectRunner"}
# What the backend adds to an artifact's metadata.
ADDED = ("display_name", "store_session_info")

Json = dict[str, Any]


def local_path(uri: str) -> str:
    """Where the launcher keeps what is behind an address; other places are as they are.

    Example:
        >>> local_path("s3://bucket/demo/examples")
        '/s3/bucket/demo/examples'
    """
    for scheme, folder in STAGED.items():
        if uri.startswith(scheme):
            return folder + uri[len(scheme) :]
    return uri


def elsewhere(beam: list[str]) -> bool:
    """Whether Beam's arguments name a runner whose workers do not see this container's files."""
    words = [word for item in beam for word in item.split("=", 1)]
    runners = [value for name, value in pairwise(words) if name == "--runner"]
    return any(runner not in HERE for runner in runners)


def adapted(received: Json, inputs_spec: Json, outputs: list[str], remote: bool = False) -> Json:
    """An `ExecutorInput` as TFX's executors expect it.

    Args:
        received: As the backend made it.
        inputs_spec: The component's `ComponentInputsSpec`, which has the types.
        outputs: Names of the component's outputs.
        remote: Whether addresses stay as they are, because other machines read and write there.
    """
    place = str if remote else local_path
    result = copy.deepcopy(received)
    given, made = result.get("inputs", {}), result.get("outputs", {})
    given["artifacts"] = {
        name: {"artifacts": [_artifact(item, place, inputs_spec["artifacts"][name]) for item in of(listed)]}
        for name, listed in given.get("artifacts", {}).items()
    }
    made["artifacts"] = {
        name: {"artifacts": [_artifact(item, place) for item in of(listed)]}
        for name, listed in made.get("artifacts", {}).items()
        if name in outputs
    }
    return {**result, "inputs": given, "outputs": made}


def answered(written: Json, received: Json) -> Json:
    """An `ExecutorOutput` as the backend takes it: addresses as they came, and no nulls.

    Args:
        written: As TFX's executors wrote it.
        received: The `ExecutorInput`, as the backend made it.
    """
    result = copy.deepcopy(written)
    outputs = received.get("outputs", {}).get("artifacts", {})
    for name, listed in result.get("artifacts", {}).items():
        for item, original in zip(of(listed), of(outputs.get(name, {})), strict=False):
            item["uri"] = original["uri"]
            item["name"] = original.get("name", "")
            item["metadata"] = without_nulls(item.get("metadata", {}))
    return result


def of(listed: Json) -> list[Json]:
    """The artifacts of an `ArtifactList`."""
    items: list[Json] = listed.get("artifacts", [])
    return items


def _artifact(item: Json, place: Callable[[str], str], spec: Json | None = None) -> Json:
    return {
        "name": item.get("name", ""),
        "uri": place(item.get("uri", "")),
        "type": spec["artifactType"] if spec else item.get("type", {}),
        "metadata": {
            key: _unwrapped(value)
            for key, value in without_nulls(item.get("metadata", {})).items()
            if key not in ADDED
        },
    }


def without_nulls(metadata: Json) -> Json:
    """Metadata without the keys that have no value."""
    return {name: value for name, value in metadata.items() if value is not None}


def _unwrapped(value: Any) -> Any:
    wrapped = isinstance(value, dict) and set(value) in WRAPPED
    return next(iter(value.values())) if wrapped else value
