"""Requests that no client should send: each gets a status of the client's side, and the server lives.

`FUZZ_REQUESTS=10000 pytest tests/serving/test_fuzz.py` is the long run.
"""

import gzip
import json
import os

import grpc
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2

from serving.conftest import Addresses
from solutionserve.client import Client

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "400"))
PREDICTION, MODEL = "/tensorflow.serving.PredictionService/", "/tensorflow.serving.ModelService/"
METHODS = [
    *(PREDICTION + name for name in ("Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata")),
    MODEL + "GetModelStatus",
]
SERVER_FAULTS = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.UNAVAILABLE,
}
many = settings(
    max_examples=REQUESTS // 4, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.just({"b64": "4oKs"}),
    st.just({"b64": "="}),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
names = st.sampled_from(["x", "age", "city", "visits", "inputs", "b64"]) | st.text(max_size=8)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "instances": values | st.lists(st.dictionaries(names, values, max_size=4), max_size=4),
        "inputs": values | st.dictionaries(names, values, max_size=4),
        "examples": values | st.lists(st.dictionaries(names, values, max_size=4), max_size=4),
        "context": values,
        "signature_name": st.sampled_from(["serving_default", "checked", "classify_x_to_y", "regress_x_to_y"])
        | values,
    },
)
models = st.sampled_from(["half_plus_two", "columns", "none", "..", "%2e%2e%2fetc", "%ff", "a%00b"])
versions = st.sampled_from(
    [
        "",
        "/versions/1",
        "/versions/0",
        "/versions/99999999999999999999999",
        "/labels/stable",
        "/labels/%20",
        "/labels/",
        "/versions/-1",
    ]
)
verbs = st.sampled_from(
    [":predict", ":classify", ":regress", ":explode", "", "/metadata", ":predict:predict", "//"]
)


@pytest.fixture(scope="module")
def http(server: Addresses):
    with httpx.Client(base_url=server.rest, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(autouse=True, scope="module")
def alive(server: Addresses):
    """Afterwards the server still answers, and rightly."""
    yield
    with Client(server.grpc, "half_plus_two", label="stable") as client:
        assert client.predict({"x": [2.0]})["y"] == [3.0]


def check(response: httpx.Response) -> None:
    assert response.status_code < 500 or response.status_code == 501, response.content
    if response.status_code != 200 and response.content and response.url.path.startswith("/v1/"):
        assert "Traceback" not in response.text


@many
@given(models, versions, verbs, bodies)
def test_json_of_the_wrong_kind(
    http: httpx.Client, model: str, version: str, verb: str, body: object
) -> None:
    check(http.post(f"/v1/models/{model}{version}{verb}", content=json.dumps(body).encode()))


@many
@given(
    models,
    versions,
    verbs,
    st.binary(max_size=200),
    st.sampled_from(["identity", "gzip", "br"]),
    st.sampled_from(["GET", "POST"]),
)
def test_bytes_of_any_kind(
    http: httpx.Client, model: str, version: str, verb: str, body: bytes, encoding: str, method: str
) -> None:
    if encoding == "gzip" and len(body) % 2:
        body = gzip.compress(body)
    check(
        http.request(
            method, f"/v1/models/{model}{version}{verb}", content=body, headers={"content-encoding": encoding}
        )
    )


@pytest.fixture(scope="module")
def channel(server: Addresses):
    with grpc.insecure_channel(server.grpc) as opened:
        yield opened


def refused_or_answered(channel: grpc.Channel, method: str, message: bytes) -> None:
    call = channel.unary_unary(method).future(message, timeout=60)
    assert call.code() not in SERVER_FAULTS, call.details()
    assert "Traceback" not in (call.details() or "")


@many
@given(st.sampled_from(METHODS), st.binary(max_size=200))
def test_messages_of_any_bytes(channel: grpc.Channel, method: str, message: bytes) -> None:
    refused_or_answered(channel, method, message)


@st.composite
def tensors(draw: st.DrawFn) -> tensor_pb2.TensorProto:
    proto = tensor_pb2.TensorProto(dtype=draw(st.integers(0, 30) | st.sampled_from([1, 7, 9])))
    for size in draw(st.lists(st.sampled_from([0, 1, 2, 3, -1, 1 << 62, 5000]), max_size=4)):
        proto.tensor_shape.dim.add().size = size
    proto.tensor_shape.unknown_rank = draw(st.sampled_from([False, False, False, True]))
    proto.tensor_content = draw(st.binary(max_size=24))
    proto.float_val.extend(draw(st.lists(st.floats(width=32), max_size=4)))
    proto.int64_val.extend(draw(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4)))
    proto.int_val.extend(draw(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4)))
    proto.string_val.extend(draw(st.lists(st.binary(max_size=5), max_size=4)))
    return proto


@many
@given(
    st.sampled_from(["half_plus_two", "columns", "none", ""]),
    st.sampled_from(["", "serving_default", "checked", "classify_x_to_y", "regress_x_to_y", "none"]),
    st.dictionaries(names, tensors(), max_size=3)
    | st.fixed_dictionaries({"x": tensors()})
    | st.fixed_dictionaries({"age": tensors(), "city": tensors(), "visits": tensors()}),
    st.lists(st.sampled_from(["y", "score", "none"]), max_size=2),
)
def test_tensors_that_do_not_fit(
    channel: grpc.Channel,
    model: str,
    signature: str,
    inputs: dict[str, tensor_pb2.TensorProto],
    outputs: list[str],
) -> None:
    request = predict_pb2.PredictRequest(output_filter=outputs)
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(value)
    refused_or_answered(channel, PREDICTION + "Predict", request.SerializeToString())
