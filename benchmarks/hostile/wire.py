"""Protocol buffers by hand, for messages that no honest program would build."""

from __future__ import annotations


def varint(number: int) -> bytes:
    """A number as seven bits a byte."""
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def field(number: int, content: bytes) -> bytes:
    """A message, text or bytes in a field."""
    return opened(number, content, 0)


def opened(number: int, start: bytes, rest: int) -> bytes:
    """The beginning of a field: its tag, its length, and `start`; `rest` bytes are still to come."""
    return varint(number << 3 | 2) + varint(len(start) + rest) + start


def number(place: int, value: int) -> bytes:
    """A whole number in a field."""
    return varint(place << 3) + varint(value)


def model_spec(name: str, signature: str = "") -> bytes:
    """A ModelSpec, as the first field of a request."""
    return field(1, field(1, name.encode()) + field(3, signature.encode()))


def large_predict(size: int) -> tuple[bytes, int]:
    """A Predict of half_plus_two of `size` bytes: how it begins, and how many zeros follow."""
    zeros = (size - 200) // 4 * 4
    kind_and_shape = number(1, 1) + field(2, field(2, number(1, zeros // 4)))
    tensor = opened(2, kind_and_shape + opened(4, b"", zeros), zeros)
    inputs = opened(2, field(1, b"x") + tensor, zeros)
    return model_spec("half_plus_two") + inputs, zeros
