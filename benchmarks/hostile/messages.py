"""Small gRPC messages that describe much: shapes, shared texts, shared contexts."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import grpc
from benchmarks.hostile import rest
from benchmarks.hostile.attack import Scene, attack
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, predict_pb2, regression_pb2

PREDICTION, MODEL = "/tensorflow.serving.PredictionService/", "/tensorflow.serving.ModelService/"
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
]
FLOAT, TEXT, WHOLE = 1, 7, 9
CLASSIFY, REGRESS = "classify_x_to_y", "regress_x_to_y"


def send(
    scene: Scene,
    method: str,
    messages: Sequence[bytes],
    compression: grpc.Compression = grpc.Compression.NoCompression,
    seconds: float = 60.0,
) -> None:
    """Send messages at once over one connection, and note each status."""
    with grpc.insecure_channel(f"{scene.host}:{scene.grpc}", OPTIONS) as channel:
        call = channel.unary_unary(method)
        waiting = [call.future(item, timeout=seconds, compression=compression) for item in messages]
        scene.sent += sum(map(len, messages))
        for future in waiting:
            try:
                future.result()
                scene.got["OK"] += 1
            except grpc.RpcError:
                note(scene, future)


def note(scene: Scene, error: Any) -> None:
    """Note a failed request's status."""
    scene.got[error.code().name] += 1
    if error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN):
        scene.fault(f"{error.code().name}: {error.details()}")


def tensor(kind: int, shape: Sequence[int], **values: Any) -> tensor_pb2.TensorProto:
    """A tensor whose values need not fit its shape."""
    proto = tensor_pb2.TensorProto(dtype=kind, **values)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def predict(model: str, inputs: dict[str, tensor_pb2.TensorProto]) -> bytes:
    """A Predict request."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(value)
    data: bytes = request.SerializeToString()
    return data


@attack("nothing", "no attack at all, for comparison")
def nothing(scene: Scene) -> None:
    """Wait; what the bystander meets now is the machine's noise."""
    time.sleep(scene.seconds(5))


@attack("unknown-inputs", "Predict with 100 unknown inputs, one value each for the largest shape allowed")
def unknown_inputs(scene: Scene) -> None:
    """Memory that is taken before the names are looked at."""
    inputs = {f"input{number}": _one_value(scene) for number in range(100)}
    send(scene, PREDICTION + "Predict", [predict("half_plus_two", inputs)])


@attack("one-value", "Predict with one value for the largest shape allowed")
def one_value(scene: Scene) -> None:
    """Memory that is taken before the rows are counted."""
    send(scene, PREDICTION + "Predict", [predict("half_plus_two", {"x": _one_value(scene)})])


@attack("one-value-32", "32 of them at once")
def one_value_often(scene: Scene) -> None:
    """The same, many times side by side."""
    send(scene, PREDICTION + "Predict", [predict("half_plus_two", {"x": _one_value(scene)})] * 32)


def _one_value(scene: Scene) -> tensor_pb2.TensorProto:
    return tensor(FLOAT, [scene.largest // 4], float_val=[1.0])


@attack("one-text", "Predict with one text of 500 KB for 10,000 rows")
def one_text(scene: Scene) -> None:
    """Text that the server's arrays share, but TensorFlow copies."""
    inputs = {
        "city": tensor(TEXT, [10_000], string_val=[b"a" * 500_000]),
        "age": tensor(FLOAT, [10_000], float_val=[1.0]),
        "visits": tensor(WHOLE, [10_000], int64_val=[1]),
    }
    send(scene, PREDICTION + "Predict", [predict("columns", inputs)])


def with_context(target: Any, rows: int, empty: bool = False) -> None:
    """A context of 500 KB for all rows.

    An example that is quite empty costs Python nothing to append; one of two bytes costs a copy.
    """
    shared = target.example_list_with_context
    shared.context.features.feature["note"].bytes_list.value.append(b"a" * 500_000)
    shared.context.features.feature["x"].float_list.value.append(1.0)
    for _ in range(rows):
        example = shared.examples.add()
        if not empty:
            example.features.SetInParent()


for count in (9_999, 100_000):

    @attack(
        f"context-classify-{count}", f"Classify with a context of 500 KB and {count:,} examples of two bytes"
    )
    def context_classify(scene: Scene, rows: int = count) -> None:
        """A context that is copied before each row."""
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name, request.model_spec.signature_name = "half_plus_two", CLASSIFY
        with_context(request.input, rows)
        send(scene, PREDICTION + "Classify", [request.SerializeToString()])

    @attack(f"context-rest-{count}", f"the same by REST, {count:,} examples")
    def context_rest(scene: Scene, rows: int = count) -> None:
        """A context that is copied before each row."""
        body = {
            "signature_name": CLASSIFY,
            "context": {"note": "a" * 500_000, "x": 1.0},
            "examples": [{"c": 0.0}] * rows,
        }
        rest.post(scene, "half_plus_two:classify", [json.dumps(body, separators=(",", ":")).encode()])


@attack("context-empty", "Classify with a context of 500 KB and 100,000 empty examples")
def context_empty(scene: Scene) -> None:
    """A context that need not be copied."""
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name, request.model_spec.signature_name = "half_plus_two", CLASSIFY
    with_context(request.input, 100_000, empty=True)
    send(scene, PREDICTION + "Classify", [request.SerializeToString()])


@attack("context-regress", "Regress with a context of 500 KB and 9,999 examples of two bytes")
def context_regress(scene: Scene) -> None:
    """A context that is copied before each row."""
    request = regression_pb2.RegressionRequest()
    request.model_spec.name, request.model_spec.signature_name = "half_plus_two", REGRESS
    with_context(request.input, 9_999)
    send(scene, PREDICTION + "Regress", [request.SerializeToString()])


@attack("context-multi-inference", "MultiInference with a context of 500 KB and 9,999 examples of two bytes")
def context_multi_inference(scene: Scene) -> None:
    """A context that is copied before each row."""
    request = inference_pb2.MultiInferenceRequest()
    for kind, signature in (("classify", CLASSIFY), ("regress", REGRESS)):
        _task(request, kind, signature)
    with_context(request.input, 9_999)
    send(scene, PREDICTION + "MultiInference", [request.SerializeToString()])


@attack("many-tasks", "MultiInference with 10,000 tasks: of one signature, and of as many unknown ones")
def many_tasks(scene: Scene) -> None:
    """Tasks that are compared with one another."""
    for names in ([CLASSIFY] * 10_000, [f"signature{number}" for number in range(10_000)]):
        request = inference_pb2.MultiInferenceRequest()
        for name in names:
            _task(request, "classify", name)
        request.input.example_list.examples.add().features.feature["x"].float_list.value.append(1.0)
        send(scene, PREDICTION + "MultiInference", [request.SerializeToString()])


def _task(request: inference_pb2.MultiInferenceRequest, kind: str, signature: str) -> None:
    task = request.tasks.add(method_name=f"tensorflow/serving/{kind}")
    task.model_spec.name, task.model_spec.signature_name = "half_plus_two", signature
