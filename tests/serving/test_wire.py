"""What a message costs is known from its bytes, and never less than what parsing it takes."""

import contextlib
import sys

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
)

from serving.memory import measured
from solutionserve.errors import ServingError
from solutionserve.wire import SMALL, cost

PREDICT = predict_pb2.PredictRequest


def field(number: int, content: bytes) -> bytes:
    size, head = len(content), bytearray([number << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes(head) + bytes([size]) + content


def tensor(content: bytes) -> bytes:
    return field(2, field(1, b"x") + field(2, content))


# A kind of message, and many of the cheapest part that it can be made of.
BLOW_UPS = {
    "dimensions": (PREDICT, lambda n: tensor(field(2, field(2, b"") * n))),
    "texts": (PREDICT, lambda n: tensor(field(8, b"") * n)),
    "packed": (PREDICT, lambda n: tensor(field(10, b"\1" * 2 * n))),
    "unpacked": (PREDICT, lambda n: tensor(b"\x50\1" * n)),
    "handles": (PREDICT, lambda n: tensor(field(14, b"") * n)),
    "variants": (PREDICT, lambda n: tensor(field(15, b"") * n)),
    "filter": (PREDICT, lambda n: field(3, b"") * n),
    "examples": (classification_pb2.ClassificationRequest, lambda n: field(2, field(1, field(1, b"") * n))),
    "tasks": (inference_pb2.MultiInferenceRequest, lambda n: field(1, b"") * n),
    "models": (model_management_pb2.ReloadConfigRequest, lambda n: field(1, field(1, field(1, b"") * n))),
    "unknown": (PREDICT, lambda n: b"\x78\1" * n),
}
PREPARE = """
from serving.test_wire import BLOW_UPS

for kind, _ in BLOW_UPS.values():
    kind.FromString(b"")

def make(name):
    return BLOW_UPS[name][1](1_000_000)

def work(name, data):
    return BLOW_UPS[name][0].FromString(data)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_parsing_takes_no_more_than_the_cost() -> None:
    for name, (size, taken) in measured(PREPARE, list(BLOW_UPS)).items():
        kind, made = BLOW_UPS[name]
        # A small part of it, walked to the end, scaled; small messages are priced flat.
        part = made(20_000)
        assert len(part) > SMALL
        assert cost(part, kind, 1 << 40) * size / len(part) >= taken, name
        assert cost(b"x" * SMALL, kind, 1 << 40) * size / SMALL >= taken, name


@pytest.mark.parametrize("name", ["dimensions", "texts", "handles", "examples", "tasks", "models", "unknown"])
def test_too_many_parts_are_refused(name: str) -> None:
    kind, made = BLOW_UPS[name]
    with pytest.raises(ServingError, match="too many parts"):
        cost(made(200_000), kind, 3_000_000)


def test_what_is_sent_as_bytes_is_cheap() -> None:
    data = tensor(field(4, b"\0" * 10_000_000))
    assert cost(data, PREDICT, 1 << 40) < 4.1 * len(data)


@settings(max_examples=300, deadline=None, database=None)
@given(st.binary(max_size=60))
def test_what_parses_is_not_refused_and_nothing_else_fails(data: bytes) -> None:
    # Padded with an unknown field, so that it is walked.
    padded = data + field(15, b" " * SMALL)
    try:
        PREDICT.FromString(padded)
        parses = True
    except DecodeError:
        parses = False
    has_group = any(byte & 7 in (3, 4) for byte in data)
    if parses and not has_group:
        assert cost(padded, PREDICT, 1 << 40) > len(padded)
    else:
        with contextlib.suppress(ServingError):
            cost(padded, PREDICT, 1 << 40)
