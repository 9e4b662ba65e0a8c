"""What hostile clients send, each once and small; `benchmarks/hostile` is the long run.

Each of these killed or froze an earlier server, or was answered wrongly.
"""

import contextlib
import gzip
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from solutionserve.client import Client
from solutionserve.configuration import read_models
from solutionserve.embedded import Running, running
from solutionserve.errors import ServingError
from solutionserve.json_tensors import parse_body

LARGEST = 4_000_000
CONNECTIONS = 24
MOST_MEMORY = 20 * LARGEST
X = {"x": np.float32([2.0])}
PREDICT = "/v1/models/half_plus_two:predict"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads /proc"),
]


@pytest.fixture(scope="module")
def attacked(sample_models: Path) -> Iterator[Running]:
    with running(
        f"--model_config_file={sample_models / 'models.config'}",
        "--allow_version_labels_for_unavailable_models=true",
        f"--max_request_bytes={LARGEST}",
        f"--max_connections={CONNECTIONS}",
    ) as server:
        for address in (server.grpc, server.rest):
            with Client(address, "half_plus_two") as client:
                client.predict(X)
        yield server


@pytest.fixture(autouse=True)
def unharmed(attacked: Running) -> Iterator[None]:
    """Afterwards the server answers others, and has taken no more memory than a few requests' worth."""
    before = memory(attacked, "VmRSS")
    Path(f"/proc/{attacked.process.pid}/clear_refs").write_text("5")
    yield
    for address in (attacked.grpc, attacked.rest):
        with Client(address, "half_plus_two", label="stable", timeout=10) as client:
            assert client.predict(X)["y"] == [3.0]
    assert memory(attacked, "VmHWM") - before < MOST_MEMORY


def memory(server: Running, name: str) -> int:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))


@pytest.fixture(scope="module")
def stub(attacked: Running) -> Iterator[prediction_service_pb2_grpc.PredictionServiceStub]:
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(attacked.grpc, options) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def refused(call, request: object) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=20)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    return str(caught.value.details())


def predict(model: str = "half_plus_two", **inputs: tf.make_tensor_proto) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(value)
    return request


def spread(value: object, *shape: int) -> tf.make_tensor_proto:
    """One value that stands for a whole array."""
    proto = tf.make_tensor_proto([value])
    if proto.tensor_content:
        proto.ClearField("tensor_content")
        proto.float_val.append(value)
    proto.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    return proto


def test_few_bytes_that_describe_much(stub) -> None:
    unknown = {f"unknown{number}": spread(1.0, 900_000) for number in range(100)}
    message = refused(stub.Predict, predict(**unknown))
    assert "Missing but required: {x}" in message
    assert len(message) < 1000
    assert "describes arrays of 3,600,000 bytes" in refused(stub.Predict, predict(x=spread(1.0, 900_000)))
    assert "describes arrays of 80,000 bytes" in refused(stub.Predict, predict(x=spread(1.0, 20_000)))


def test_a_long_text_for_many_rows(stub) -> None:
    request = predict(
        "columns",
        age=tf.make_tensor_proto(np.zeros(9000, np.float32)),
        visits=tf.make_tensor_proto(np.zeros(9000, np.int64)),
        city=spread(b"x" * 500_000, 9000),
    )
    assert "describes arrays of 4,499,896,000" in refused(stub.Predict, request)


def test_a_context_for_many_examples(stub, attacked: Running) -> None:
    for call, kind, name in (
        (stub.Classify, classification_pb2.ClassificationRequest, "classify_x_to_y"),
        (stub.Regress, regression_pb2.RegressionRequest, "regress_x_to_y"),
    ):
        request = kind()
        request.model_spec.name, request.model_spec.signature_name = "half_plus_two", name
        given = request.input.example_list_with_context
        given.context.features.feature["x"].bytes_list.value.append(b"x" * 500_000)
        for _ in range(9_999):
            given.examples.add()
        assert "describes arrays of" in refused(call, request)
        given.examples.add()
        given.examples.add()
        assert "10,001 rows in one request" in refused(call, request)
    body = {"signature_name": "classify_x_to_y", "context": {"x": "x" * 500_000}, "examples": [{}] * 9_999}
    answer = httpx.post(
        f"{attacked.rest}/v1/models/half_plus_two:classify", json=body, trust_env=False, timeout=20
    )
    assert (answer.status_code, "describes arrays of" in answer.text) == (400, True)


def test_more_tasks_than_signatures(stub) -> None:
    request = inference_pb2.MultiInferenceRequest()
    for _ in range(10_000):
        task = request.tasks.add(method_name="tensorflow/serving/regress")
        task.model_spec.name, task.model_spec.signature_name = "half_plus_two", "regress_x_to_y"
    assert "10,000 tasks in one request" in refused(stub.MultiInference, request)


@pytest.mark.parametrize("part", ["dim", "string_val", "variant_val"])
def test_a_message_of_very_many_parts(stub, part: str) -> None:
    value = tf.make_tensor_proto([1.0])
    parts = value.tensor_shape.dim if part == "dim" else getattr(value, part)
    for _ in range(1_500_000):
        parts.append(b"") if part == "string_val" else parts.add()
    assert "too many parts" in refused(stub.Predict, predict(x=value))


@pytest.mark.parametrize("item", ["[]", "{}", '""', "1", "1.5", "NaN", '{"x":1}'])
def test_a_body_of_very_many_parts(attacked: Running, item: str) -> None:
    count = (LARGEST - 100) // (len(item) + 1)
    body = ('{"instances":[' + ",".join([item] * count) + "]}").encode()
    for encoding, content in (("identity", body), ("gzip", gzip.compress(body))):
        answer = httpx.post(
            attacked.rest + PREDICT,
            content=content,
            headers={"content-encoding": encoding},
            trust_env=False,
            timeout=20,
        )
        assert answer.status_code == 400
        unpacks = "unpacks to more than 100 times" if encoding == "gzip" else "too many parts"
        assert unpacks in answer.text


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nx: ",
        b"GET /",
        b"POST " + PREDICT.encode() + b" HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n",
        b"POST " + PREDICT.encode() + b" HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;",
    ],
    ids=["lines", "line", "path", "trailers", "chunk"],
)
def test_headers_without_end(attacked: Running, beginning: bytes) -> None:
    host, port = attacked.rest.removeprefix("http://").split(":")
    line = b"x" * 1000 if beginning[-1:] in b" /;" else b"a: " + b"x" * 100 + b"\r\n"
    sent = 0
    with socket.create_connection((host, int(port))) as connection:
        connection.settimeout(10)
        connection.sendall(beginning)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while sent < 50_000_000:
                connection.sendall(line * 20)
                sent += 20 * len(line)
    # What the system's own buffers take is sent without the server reading it.
    assert sent < 10_000_000


@pytest.mark.parametrize("api", ["grpc", "rest"])
@pytest.mark.parametrize("greeting", [b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"])
def test_silent_connections_do_not_keep_others_out(attacked: Running, api: str, greeting: bytes) -> None:
    host, port = getattr(attacked, api).removeprefix("http://").split(":")
    silent = []
    try:
        for _ in range(4 * CONNECTIONS):
            connection = socket.create_connection((host, int(port)))
            connection.settimeout(10)
            connection.sendall(greeting)
            silent.append(connection)
        started = time.monotonic()
        with Client(getattr(attacked, api), "half_plus_two", timeout=10) as client:
            client.predict(X)
        assert time.monotonic() - started < 8.0
    finally:
        for connection in silent:
            connection.close()


def test_requests_sent_ahead_of_their_answers(attacked: Running) -> None:
    """Each answer let in another reading of them: a connection took gigabytes."""
    host, port = attacked.rest.removeprefix("http://").split(":")
    sent = 0
    with socket.create_connection((host, int(port))) as connection:
        connection.settimeout(5)
        with contextlib.suppress(OSError):
            while sent < 10_000_000:
                sent += connection.send(b"GET / HTTP/1.1\r\n\r\n" * 2000)
                connection.recv(1 << 20)
    assert sent < 10_000_000


def test_questions_of_any_size(attacked: Running) -> None:
    with grpc.insecure_channel(attacked.grpc) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="x" * 1_000_000)
        watches = [health.Watch(request, timeout=10) for _ in range(20)]
        for call in (
            lambda: health.Check(request, timeout=10),
            *(lambda watch=watch: next(watch) for watch in watches),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call()
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_error_in_characters_that_take_much_in_a_header(stub) -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "\U0001f600" * 4000
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(request, timeout=10)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_tasks_without_end(stub) -> None:
    request = inference_pb2.MultiInferenceRequest()
    for _ in range(100_000):
        request.tasks.add()
    assert "100,000 tasks in one request" in refused(stub.MultiInference, request)


def test_long_numbers_that_only_the_slow_parser_reads(sample_models: Path) -> None:
    body = b'{"instances":[NaN,' + b"0.1," * 2_200_000 + b"1]}"
    with pytest.raises(ServingError, match="NaN and Infinity are read in bodies of up to"):
        parse_body(body)
    assert parse_body(b'{"instances":[NaN]}')


def test_bodies_begun_and_left(attacked: Running) -> None:
    host, port = attacked.rest.removeprefix("http://").split(":")
    head = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGEST}\r\n\r\n".encode()
    held = []
    try:
        for _ in range(CONNECTIONS - 4):
            connection = socket.create_connection((host, int(port)))
            connection.setblocking(False)
            held.append((connection, memoryview(head + b" " * (LARGEST - 10))))
        end = time.monotonic() + 3
        while held and time.monotonic() < end:
            for position, (connection, rest) in enumerate(held):
                try:
                    held[position] = connection, rest[connection.send(rest[:65536]) :] if rest else rest
                except BlockingIOError:
                    continue
                except OSError:
                    held[position] = connection, rest[:0]
            with Client(attacked.rest, "half_plus_two", timeout=10) as client:
                client.predict(X)
    finally:
        for connection, _ in held:
            connection.close()


def test_characters_that_are_none(attacked: Running) -> None:
    bodies = [
        b'{"instances":["\xed\xa0\x80"]}',
        b'{"instances":["\\ud800"]}',
        b'{"\\ud800":[1]}',
        b'{"signature_name":"\xed\xa0\x80","instances":[1]}',
        '{"instances":[1]}'.encode("utf-16"),
    ]
    for body in bodies:
        answer = httpx.post(attacked.rest + PREDICT, content=body, trust_env=False)
        assert answer.status_code == 400, body
        assert "error" in json.loads(answer.content)
    assert "Traceback" not in attacked.log.read_text()


def test_a_version_with_zeros_before_it(attacked: Running) -> None:
    path = "/v1/models/half_plus_two/versions/{}:predict"
    for number, status, y in (("0" * 30 + "1", 200, 3.0), ("0" * 30 + "2", 200, 4.0), ("0" * 30, 404, None)):
        answer = httpx.post(attacked.rest + path.format(number), json={"instances": [2.0]}, trust_env=False)
        assert answer.status_code == status
        assert answer.json().get("predictions") == ([y] if y else None)


def test_a_name_that_would_forge_a_line_of_the_log(attacked: Running, sample_models: Path) -> None:
    now = read_models(sample_models / "models.config")
    request = model_management_pb2.ReloadConfigRequest(config=now)
    request.config.model_config_list.config.add(
        name="x\n2026-01-01 00:00:00,000 I forged\x1b[2J", base_path=str(sample_models / "columns")
    )
    with grpc.insecure_channel(attacked.grpc) as channel:
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        models.HandleReloadConfigRequest(request, timeout=20)
        models.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest(config=now), timeout=20)
    lines = attacked.log.read_text().splitlines()
    assert any(r"x\n2026-01-01" in line for line in lines)
    assert not [line for line in lines if line.startswith("2026-01-01") or "\x1b" in line]


def test_the_network_cannot_take_all_models_away(attacked: Running) -> None:
    with grpc.insecure_channel(attacked.grpc) as channel:
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        request = model_management_pb2.ReloadConfigRequest()
        request.config.model_config_list.SetInParent()
        with pytest.raises(grpc.RpcError) as caught:
            models.HandleReloadConfigRequest(request, timeout=20)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "has no models" in caught.value.details()


def test_a_reload_of_nothing_that_exists_leaves_what_serves(attacked: Running) -> None:
    with grpc.insecure_channel(attacked.grpc) as channel:
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        for count, code in (
            (1, grpc.StatusCode.FAILED_PRECONDITION),
            (2000, grpc.StatusCode.INVALID_ARGUMENT),
        ):
            request = model_management_pb2.ReloadConfigRequest()
            for number in range(count):
                request.config.model_config_list.config.add(name=f"m{number}", base_path="/nonexistent")
            with pytest.raises(grpc.RpcError) as caught:
                models.HandleReloadConfigRequest(request, timeout=20)
            assert caught.value.code() is code
