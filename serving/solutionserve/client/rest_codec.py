"""Calls as requests to TensorFlow Serving's REST API."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson

from solutionserve.client.messages import (
    NUMPY,
    Answer,
    Call,
    Metadata,
    MetadataCall,
    PredictCall,
    Prediction,
    Signature,
    Target,
    VersionStatus,
)


def encode(call: Call) -> tuple[str, str, bytes]:
    """A call's HTTP method, path and body."""
    path = _path(call.target)
    if isinstance(call, PredictCall):
        inputs = {name: _jsonable(value) for name, value in call.inputs.items()}
        body = {"signature_name": call.signature.name, "inputs": inputs}
        if all(value.dtype.kind != "f" or np.isfinite(value).all() for value in call.inputs.values()):
            return "POST", f"{path}:predict", orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        # Only Python's own JSON writes NaN.
        return "POST", f"{path}:predict", json.dumps(body, default=lambda value: value.tolist()).encode()
    return "GET", f"{path}/metadata" if isinstance(call, MetadataCall) else path, b""


def decode(call: Call, data: bytes) -> Answer:
    """The answer to a call."""
    body = _loads(data)
    if isinstance(call, PredictCall):
        outputs = body["outputs"]
        types = call.signature.outputs
        if len(types) == 1:
            outputs = {next(iter(types)): outputs}
        return Prediction({name: _array(value, types[name]) for name, value in outputs.items()})
    if isinstance(call, MetadataCall):
        known = body["metadata"]["signature_def"]["signature_def"]
        signatures = {
            name: Signature(name, _types(signature["inputs"]), _types(signature["outputs"]))
            for name, signature in known.items()
        }
        return Metadata(signatures, int(body["model_spec"]["version"]))
    return [
        VersionStatus(int(item["version"]), item["state"], item.get("status", {}).get("error_message", ""))
        for item in body["model_version_status"]
    ]


def error_message(data: bytes) -> str:
    """The sentence of an error answer."""
    try:
        return str(_loads(data)["error"])
    except (ValueError, KeyError, TypeError):
        return data[:200].decode("utf-8", "replace")


def _path(target: Target) -> str:
    path = f"/v1/models/{quote(target.name, safe='')}"
    if target.version is not None:
        return f"{path}/versions/{target.version}"
    return f"{path}/labels/{quote(target.label, safe='')}" if target.label is not None else path


def _jsonable(value: np.ndarray) -> Any:
    if value.dtype != np.dtype(object):
        return np.ascontiguousarray(value)
    return [_text(item) for item in value.tolist()] if value.ndim == 1 else _nested(value.tolist())


def _nested(value: Any) -> Any:
    return [_nested(item) for item in value] if isinstance(value, list) else _text(value)


def _text(value: bytes | str) -> Any:
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _array(value: Any, kind: str) -> np.ndarray:
    if kind != "DT_STRING":
        return np.array(value, NUMPY[kind])
    decoded: np.ndarray = np.vectorize(_bytes, otypes=[object])(np.array(value, object))
    return decoded


def _bytes(value: Any) -> bytes:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode()


def _types(infos: dict[str, Any]) -> dict[str, str]:
    return {name: info["dtype"] for name, info in infos.items()}


def _loads(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)
