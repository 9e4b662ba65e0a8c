"""gRPC messages of a few bytes' fields, each of which costs the server an object."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.hostile.attack import Scene, attack
from benchmarks.hostile.messages import CLASSIFY, MODEL, PREDICTION, send
from benchmarks.hostile.wire import field, model_spec, number, opened

SPEC = model_spec("half_plus_two")
KIND = number(1, 1)


def again(unit: bytes, size: int) -> bytes:
    """The same field as often as there is room."""
    return unit * (size // len(unit))


def in_tensor(start: bytes, body: bytes) -> bytes:
    """Fields in the TensorProto of the input x."""
    tensor = opened(2, start, len(body))
    return SPEC + opened(2, field(1, b"x") + tensor, len(body)) + body


def in_examples(size: int) -> bytes:
    """Empty examples, for Classify."""
    body = again(b"\x0a\0", size)
    return model_spec("half_plus_two", CLASSIFY) + opened(2, opened(1, b"", len(body)), len(body)) + body


def names(size: int) -> bytes:
    """Inputs of as many different names as there is room for."""
    return SPEC + b"".join(field(2, field(1, b"%07x" % place)) for place in range(size // 11))


def floats(size: int) -> bytes:
    """Numbers that are not packed, and a shape that fits."""
    body = again(b"\x2d\0\0\0\0", size)
    return in_tensor(KIND + field(2, field(2, number(1, len(body) // 5))), body)


def texts(size: int) -> bytes:
    """Empty texts, and a shape that fits."""
    body = again(b"\x42\0", size)
    return in_tensor(number(1, 7) + field(2, field(2, number(1, len(body) // 2))), body)


def dimensions(size: int) -> bytes:
    """A shape of very many dimensions."""
    body = again(b"\x12\0", size)
    return in_tensor(KIND + opened(2, b"", len(body)), body)


def configurations(size: int) -> bytes:
    """A reload of very many models without a name."""
    body = again(b"\x0a\0", size)
    return opened(1, opened(1, b"", len(body)), len(body)) + body


PREDICT = PREDICTION + "Predict"
MESSAGES: dict[str, tuple[str, str, Callable[[int], bytes]]] = {
    "inputs": (PREDICT, "empty inputs", lambda size: SPEC + again(b"\x12\0", size)),
    "names": (PREDICT, "inputs of different names", names),
    "dimensions": (PREDICT, "dimensions of a shape", dimensions),
    "texts": (PREDICT, "empty texts", texts),
    "floats": (PREDICT, "floats that are not packed", floats),
    "variants": (PREDICT, "variants in a tensor", lambda size: in_tensor(KIND, again(b"\x7a\0", size))),
    "filter": (PREDICT, "outputs asked for", lambda size: SPEC + again(b"\x1a\0", size)),
    "unknown": (PREDICT, "unknown groups", lambda size: SPEC + again(b"\xc3\x3e\xc4\x3e", size)),
    "nested-groups": (PREDICT, "groups in groups", lambda size: SPEC + again(b"\xc3\x3e", size)),
    "examples": (PREDICTION + "Classify", "empty examples", in_examples),
    "tasks": (PREDICTION + "MultiInference", "empty tasks", lambda size: again(b"\x0a\0", size)),
    "metadata": (
        PREDICTION + "GetModelMetadata",
        "metadata asked for",
        lambda size: SPEC + again(b"\x12\0", size),
    ),
    "configurations": (MODEL + "HandleReloadConfigRequest", "models to load", configurations),
}
for name, (method, text, make) in MESSAGES.items():

    @attack(f"blow-up-{name}", f"{text}, as many as the limit allows", spoils=name == "configurations")
    def blow_up(scene: Scene, method: str = method, make: Callable[[int], bytes] = make) -> None:
        """Objects in the server's memory, for two bytes each."""
        send(scene, method, [make(scene.largest - 1000)])
