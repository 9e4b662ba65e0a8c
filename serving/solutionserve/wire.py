"""Protocol buffers off the wire: what one costs once it is parsed is told from its bytes first.

Two of them can become a hundred.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from solutionserve.errors import ServingError, invalid

# Bytes in memory, rounded up from what upb takes: a message within a message, a text with the Python object
# that stands for it in an array, any other field.
MESSAGE, TEXT, FIELD = 128, 96, 24
# By the width of the numbers in memory for each of their bytes: fixed ones, and those that may take one byte.
FIXED, VARYING = 4, 16
# Copies of the bytes themselves: as received, in the message, taken out of it, and fed.
COPIES = 4
# Below this size each byte counts as the dearest: two bytes for a message.
SMALL = 1 << 14
SMALL_COST = MESSAGE // 2
DEEPEST = 100
FIXED_TYPES = {
    FieldDescriptor.TYPE_FLOAT,
    FieldDescriptor.TYPE_DOUBLE,
    FieldDescriptor.TYPE_FIXED32,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED32,
    FieldDescriptor.TYPE_SFIXED64,
}
Descriptor: TypeAlias = Any  # of the pure or of the C implementation
Fields = Mapping[int, Descriptor | int]


def cost(data: bytes, kind: type[Message], most: int) -> int:
    """Most bytes that a message takes in memory while it is answered.

    Args:
        data: The message off the wire.
        kind: Its type.
        most: Where to stop.

    Raises:
        ServingError: It takes more than `most`, or the bytes are no such message.
    """
    if len(data) <= SMALL:
        return len(data) * SMALL_COST
    copies = COPIES * len(data)
    return copies + _fields_cost(data, kind.DESCRIPTOR, most - copies)


def _fields_cost(data: bytes, kind: Descriptor, most: int) -> int:
    total, position, end = 0, 0, len(data)
    fields = _fields(kind)
    outer: list[tuple[int, Fields]] = []
    try:
        while True:
            while position >= end:
                if position > end:
                    raise IndexError
                if not outer:
                    return total
                end, fields = outer.pop()
            if total > most:
                raise invalid(
                    f"the request of {len(data):,} bytes has too many parts: it would take more than"
                    f" {most + COPIES * len(data):,} bytes of memory; send fewer rows"
                )
            tag, position = _varint(data, position)
            known = fields.get(tag >> 3, FIELD)
            match tag & 7:
                case 0:
                    _, position = _varint(data, position)
                    total += FIELD
                case 1:
                    position += 8
                    total += FIELD
                case 5:
                    position += 4
                    total += FIELD
                case 2:
                    size, position = _varint(data, position)
                    if position + size > end:
                        raise IndexError
                    if isinstance(known, int):
                        total += TEXT if known >= FIELD else FIELD + known * size
                        position += size
                    else:
                        total += MESSAGE
                        if len(outer) >= DEEPEST:
                            raise IndexError
                        outer.append((end, fields))
                        end, fields = position + size, _fields(known)
                case _:
                    raise IndexError  # groups, which none of the messages has
    except IndexError:
        raise not_a_message(kind) from None


def parse(kind: type[Message], data: bytes) -> Any:
    """A request off the wire.

    Raises:
        ServingError: The bytes are no such message.
    """
    try:
        return kind.FromString(data)
    except DecodeError:
        raise not_a_message(kind.DESCRIPTOR) from None


def not_a_message(kind: Descriptor) -> ServingError:
    """The error for bytes that are no message of a type."""
    return invalid(f"the request is no {kind.full_name} message")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    byte = data[position]
    if byte < 0x80:
        return byte, position + 1
    value, shift = byte & 0x7F, 7
    while shift < 70:
        position += 1
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
        shift += 7
    raise IndexError


@functools.cache
def _fields(kind: Descriptor) -> Fields:
    """By number: the type of a field that is a message; else what it costs."""
    fields: dict[int, Descriptor | int] = {}
    for field in kind.fields:
        if field.message_type is not None:
            fields[field.number] = field.message_type
        elif field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            fields[field.number] = TEXT
        else:
            fields[field.number] = FIXED if field.type in FIXED_TYPES else VARYING
    return fields
