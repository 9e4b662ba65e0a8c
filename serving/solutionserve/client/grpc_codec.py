"""Calls as TensorFlow Serving's gRPC messages."""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2, predict_pb2

from solutionserve.client.messages import (
    Answer,
    Call,
    ClientError,
    Metadata,
    MetadataCall,
    PredictCall,
    Prediction,
    Signature,
    Target,
    VersionStatus,
)
from solutionserve.errors import Code
from solutionserve.tensors import described, packed, to_array

LARGEST_ANSWER = 1 << 31
PREDICTION, MODEL = "/tensorflow.serving.PredictionService/", "/tensorflow.serving.ModelService/"


def encode(call: Call) -> tuple[str, bytes]:
    """A call's method and message."""
    if isinstance(call, PredictCall):
        request = predict_pb2.PredictRequest(model_spec=_spec(call.target))
        request.model_spec.signature_name = call.signature.name
        for name, value in call.inputs.items():
            request.inputs[name].CopyFrom(packed(value))
        return PREDICTION + "Predict", request.SerializeToString()
    if isinstance(call, MetadataCall):
        asked = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=_spec(call.target), metadata_field=["signature_def"]
        )
        return PREDICTION + "GetModelMetadata", asked.SerializeToString()
    status = get_model_status_pb2.GetModelStatusRequest(model_spec=_spec(call.target))
    return MODEL + "GetModelStatus", status.SerializeToString()


def decode(call: Call, data: bytes) -> Answer:
    """The answer to a call."""
    if isinstance(call, PredictCall):
        response = predict_pb2.PredictResponse.FromString(data)
        outputs = {name: _output(value, name) for name, value in response.outputs.items()}
        return Prediction(outputs, response.model_spec.version.value)
    if isinstance(call, MetadataCall):
        metadata = get_model_metadata_pb2.GetModelMetadataResponse.FromString(data)
        known = get_model_metadata_pb2.SignatureDefMap()
        metadata.metadata["signature_def"].Unpack(known)
        signatures = {
            name: Signature(name, _types(signature.inputs), _types(signature.outputs))
            for name, signature in known.signature_def.items()
        }
        return Metadata(signatures, metadata.model_spec.version.value)
    status = get_model_status_pb2.GetModelStatusResponse.FromString(data)
    states = get_model_status_pb2.ModelVersionStatus.State
    return [
        VersionStatus(item.version, states.Name(item.state), item.status.error_message)
        for item in status.model_version_status
    ]


def _output(value: tensor_pb2.TensorProto, name: str) -> np.ndarray:
    known = described(value, name)
    if known.size > LARGEST_ANSWER:
        raise ClientError(Code.OUT_OF_RANGE, f"output '{name}': shape {list(known.shape)} is too large")
    return to_array(value, name, known)


def _spec(target: Target) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=target.name)
    if target.version is not None:
        spec.version.value = target.version
    elif target.label is not None:
        spec.version_label = target.label
    return spec


def _types(infos: Any) -> dict[str, str]:
    return {name: types_pb2.DataType.Name(info.dtype) for name, info in infos.items()}
