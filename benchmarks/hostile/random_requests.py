"""Valid requests with random damage, over both APIs."""

from __future__ import annotations

import http.client
import json
import random
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
from benchmarks.hostile import messages, rest
from benchmarks.hostile.attack import Scene, attack
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

from solutionserve.tensors import packed

SEED, THREADS = 7, 4
FAILURES_IN_A_ROW = 50
Random = random.Random


def grpc_seeds() -> list[tuple[str, bytes]]:
    """Valid requests of every method."""
    classify = classification_pb2.ClassificationRequest()
    regress = regression_pb2.RegressionRequest()
    multi = inference_pb2.MultiInferenceRequest()
    for request, signature in ((classify, messages.CLASSIFY), (regress, messages.REGRESS)):
        request.model_spec.name, request.model_spec.signature_name = "half_plus_two", signature
    for kind, signature in (("classify", messages.CLASSIFY), ("regress", messages.REGRESS)):
        task = multi.tasks.add(method_name=f"tensorflow/serving/{kind}")
        task.model_spec.name, task.model_spec.signature_name = "half_plus_two", signature
    for request in (classify, regress, multi):
        for value in (1.0, 2.0):
            example = request.input.example_list.examples.add()
            example.features.feature["x"].float_list.value.append(value)
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = "columns"
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "columns"
    service = messages.PREDICTION
    return [
        (service + "Predict", good_predict(3)),
        (service + "Predict", columns_predict()),
        (service + "Classify", classify.SerializeToString()),
        (service + "Regress", regress.SerializeToString()),
        (service + "MultiInference", multi.SerializeToString()),
        (service + "GetModelMetadata", metadata.SerializeToString()),
        (messages.MODEL + "GetModelStatus", status.SerializeToString()),
    ]


def good_predict(rows: int) -> bytes:
    """A Predict of half_plus_two."""
    return messages.predict("half_plus_two", {"x": packed(np.arange(rows, dtype=np.float32))})


def columns_predict() -> bytes:
    """A Predict of several inputs."""
    inputs = {
        "age": np.ones(2, np.float32),
        "city": np.array([b"a", b"b"], object),
        "visits": np.ones(2, np.int64),
    }
    return messages.predict("columns", {name: packed(value) for name, value in inputs.items()})


REST_SEEDS = [
    ("half_plus_two:predict", {"instances": [1.0, 2.0]}),
    ("half_plus_two/versions/1:predict", {"inputs": {"x": [1.0]}, "signature_name": "serving_default"}),
    ("half_plus_two/labels/stable:predict", {"instances": [{"x": 1.0}]}),
    ("columns:predict", {"instances": [{"age": 1.0, "city": {"b64": "4oKs"}, "visits": 2}]}),
    ("columns:predict", {"signature_name": "checked", "instances": [[1.0, 2000.0]]}),
    ("half_plus_two:classify", {"signature_name": messages.CLASSIFY, "examples": [{"x": 1.0}]}),
    ("half_plus_two:regress", {"signature_name": messages.REGRESS, "context": {"x": 1.0}, "examples": [{}]}),
]
PIECES = [b"\0", b"\n", b"\r\n", b"\xff", b"\xed\xa0\x80", rb"\ud800", b"NaN", b"-Infinity", b"1e999"]
PIECES += [b"[", b"{", b"]", b'"', b"null", b"true", b'{"b64":"="}', b"9" * 20]
PIECES += [b"%00", b"%ff", b"..", b"/", b"//", b":", b"?"]


def damaged(data: bytes, chance: Random) -> bytes:
    """The bytes with one to four changes, or others altogether."""
    if chance.random() < 0.05:
        return chance.randbytes(chance.randrange(200))
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed) + 1)
        other = chance.randrange(len(changed) + 1)
        kind = chance.randrange(6)
        if kind == 0 and place < len(changed):
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[place:place] = chance.choice(PIECES)
        elif kind == 2:
            del changed[place : place + chance.randint(1, 8)]
        elif kind == 3:
            changed[place:place] = chance.randbytes(chance.randint(1, 8))
        elif kind == 4:
            changed[place:place] = changed[other : other + chance.randint(1, 32)]
        elif chance.random() < 0.2:
            del changed[place:]
    return bytes(changed)


class GrpcUser:
    """Sends good and bad requests over gRPC, on one connection."""

    def __init__(self, scene: Scene, chance: Random) -> None:
        self._scene, self._chance = scene, chance
        self._channel = grpc.insecure_channel(f"{scene.host}:{scene.grpc}", messages.OPTIONS)
        self._seeds = grpc_seeds()

    def good(self) -> bool:
        """A right request; whether it is answered rightly."""
        rows = self._chance.randint(1, 100)
        data = self._send(messages.PREDICTION + "Predict", good_predict(rows))
        answer = predict_pb2.PredictResponse.FromString(data).outputs["y"].float_val if data else []
        # The newest version answers: x / 2 + 3.
        return list(answer) == [row / 2 + 3 for row in range(rows)]

    def bad(self) -> None:
        """A damaged request."""
        method, data = self._chance.choice(self._seeds)
        if self._chance.random() < 0.1:
            method = "/" + damaged(method.encode(), self._chance).decode("ascii", "ignore").replace("\n", "")
        self._send(method, damaged(data, self._chance))

    def _send(self, method: str, data: bytes) -> bytes:
        self._scene.sent += len(data)
        try:
            answer: bytes = self._channel.unary_unary(method)(data, timeout=30)
        except grpc.RpcError as error:
            messages.note(self._scene, error)
            if error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN):
                self._scene.fault(f"on {method} {data!r}"[:300])  # type: ignore[attr-defined]
            return b""
        self._scene.got["OK"] += 1
        return answer

    def close(self) -> None:
        """End the connection."""
        self._channel.close()


class RestUser:
    """Sends good and bad requests by REST."""

    def __init__(self, scene: Scene, chance: Random) -> None:
        self._scene, self._chance = scene, chance
        self._kept = http.client.HTTPConnection(scene.host, scene.rest, timeout=30)

    def good(self) -> bool:
        """A right request on a kept connection; whether it is answered rightly."""
        rows = self._chance.randint(1, 100)
        body = json.dumps({"instances": [float(row) for row in range(rows)]}).encode()
        self._scene.sent += len(body)
        try:
            self._kept.request("POST", "/v1/models/half_plus_two:predict", body)
            answer = rest.note(self._scene, self._kept.getresponse())
        except (OSError, http.client.HTTPException) as error:
            self._kept.close()
            self._scene.got[type(error).__name__] += 1
            return False
        return bool(json.loads(answer).get("predictions") == [row / 2 + 3 for row in range(rows)])

    def bad(self) -> None:
        """A damaged request, on a connection of its own."""
        target, content = self._chance.choice(REST_SEEDS)
        body = json.dumps(content).encode()
        if self._chance.random() < 0.7:
            body = damaged(body, self._chance)
        verb = self._chance.choice(["POST"] * 6 + ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "BREW"])
        encoding = self._chance.choice(["identity"] * 8 + ["gzip", "br", "GZIP, gzip"])
        head = (
            f"{verb} /v1/models/{target} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
            f"content-encoding: {encoding}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
        ).encode()
        if self._chance.random() < 0.4:
            head = damaged(head, self._chance)
        self._send(head + b"\r\n" + body)

    def _send(self, data: bytes) -> None:
        self._scene.sent += len(data)
        try:
            with socket.create_connection((self._scene.host, self._scene.rest), 10) as connection:
                connection.sendall(data)
                # A damaged length may make the server wait for more.
                connection.settimeout(0.5)
                answer = connection.recv(65_536)
        except TimeoutError:
            self._scene.got["no answer"] += 1
            return
        except OSError as error:
            self._scene.got[type(error).__name__] += 1
            return
        status = answer.split()[1].decode("latin-1") if answer.startswith(b"HTTP/1") else "closed"
        self._scene.got[status] += 1
        if status in ("500", "502", "505"):
            self._scene.fault(f"{status} on {data!r}"[:300])

    def close(self) -> None:
        """End the connection."""
        self._kept.close()


User = GrpcUser | RestUser


def side_by_side(scene: Scene, users: list[User], work: Callable[[User], None], number: int) -> None:
    """Let users work in threads, until the number is done or the server is gone."""

    def run(user: User) -> None:
        for _ in range(number // len(users)):
            work(user)
            lost = scene.got["UNAVAILABLE"] + scene.got["ConnectionRefusedError"]
            if lost > FAILURES_IN_A_ROW:
                return

    with ThreadPoolExecutor(len(users)) as pool:
        for done in [pool.submit(run, user) for user in users]:
            done.result()


@attack("random-grpc", "10,000 damaged requests over gRPC, 4 at a time", seconds=120)
def random_grpc(scene: Scene) -> None:
    """Anything may be refused, nothing may be a fault of the server."""
    users: list[User] = [GrpcUser(scene, Random(SEED + number)) for number in range(THREADS)]
    side_by_side(scene, users, lambda user: user.bad(), scene.count(10_000))


@attack("random-rest", "10,000 damaged requests by REST, 4 at a time", seconds=120)
def random_rest(scene: Scene) -> None:
    """Anything may be refused, nothing may be a fault of the server."""
    users: list[User] = [RestUser(scene, Random(SEED + number)) for number in range(THREADS)]
    side_by_side(scene, users, lambda user: user.bad(), scene.count(10_000))
