"""TensorProto to NumPy and back, with every field checked before memory is taken."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from solutionserve.errors import Code, ServingError, invalid

# The field that holds a type's values when they are not packed in tensor_content.
FIELDS = {
    types_pb2.DT_FLOAT: "float_val",
    types_pb2.DT_DOUBLE: "double_val",
    types_pb2.DT_INT64: "int64_val",
    types_pb2.DT_INT32: "int_val",
    types_pb2.DT_INT16: "int_val",
    types_pb2.DT_INT8: "int_val",
    types_pb2.DT_UINT8: "int_val",
    types_pb2.DT_UINT16: "int_val",
    types_pb2.DT_UINT32: "uint32_val",
    types_pb2.DT_UINT64: "uint64_val",
    types_pb2.DT_BOOL: "bool_val",
    types_pb2.DT_STRING: "string_val",
}
NUMPY = {kind: np.dtype(tf.dtypes.as_dtype(kind).as_numpy_dtype) for kind in FIELDS}
KINDS = {dtype: kind for kind, dtype in NUMPY.items() if kind != types_pb2.DT_STRING}
MOST_DIMENSIONS = 32
LARGEST_DIMENSION = 1 << 40
# What an element of text costs: its place in the array, and what TensorFlow copies it to.
TEXT_BYTES = 32
PIECE = 1 << 16


def type_name(kind: int) -> str:
    """A type's name as TensorFlow writes it, e.g. `float`."""
    return (
        types_pb2.DataType.Name(kind).removeprefix("DT_").lower()
        if kind in types_pb2.DataType.values()
        else str(kind)
    )


class Described(NamedTuple):
    """What a TensorProto stands for, before an array is made of it.

    Attributes:
        shape: The array's shape.
        size: Bytes that it takes.
        content: Its values as bytes, if they came so.
    """

    shape: tuple[int, ...]
    size: int
    content: bytes


def described(proto: tensor_pb2.TensorProto, name: str) -> Described:
    """What a message stands for; nothing is made yet.

    A message may leave values out, so that a few bytes describe an array of any size.

    Raises:
        ServingError: Type, shape and values do not fit together.
    """
    kind = proto.dtype
    field = FIELDS.get(kind)
    shape = tuple([dim.size for dim in proto.tensor_shape.dim])
    content = proto.tensor_content
    packed_column = content and len(shape) == 1 and field and field != "string_val"
    if packed_column and shape[0] * NUMPY[kind].itemsize == len(content):
        return Described(shape, len(content), content)  # nothing more to check
    if field is None:
        raise ServingError(
            Code.UNIMPLEMENTED if kind else Code.INVALID_ARGUMENT,
            f"input '{name}': type {type_name(kind)} is not supported",
        )
    if proto.tensor_shape.unknown_rank or len(shape) > MOST_DIMENSIONS:
        raise invalid(
            f"input '{name}': a tensor must have a known shape of at most {MOST_DIMENSIONS} dimensions"
        )
    if min(shape, default=0) < 0:
        raise invalid(f"input '{name}': shape {list(shape)} has a negative dimension")
    if max(shape, default=0) > LARGEST_DIMENSION:
        raise invalid(f"input '{name}': shape {list(shape)} is larger than any array")
    count, size = math.prod(shape), NUMPY[kind].itemsize
    values = getattr(proto, field)
    if content:
        if kind == types_pb2.DT_STRING:
            raise invalid(f"input '{name}': text must be in string_val, not in tensor_content")
        if len(content) != count * size:
            raise invalid(
                f"input '{name}': tensor_content has {len(content)} bytes,"
                f" shape {list(shape)} needs {count * size}"
            )
        return Described(shape, len(content), content)
    if len(values) > count:
        raise invalid(f"input '{name}': {len(values)} values for shape {list(shape)} of {count}")
    if kind == types_pb2.DT_STRING:
        last = len(values[-1]) if values else 0
        return Described(shape, count * TEXT_BYTES + (count - len(values)) * last, b"")
    return Described(shape, count * size, b"")


def to_array(proto: tensor_pb2.TensorProto, name: str, known: Described) -> np.ndarray:
    """A TensorProto as the array that `described` found it to stand for.

    Raises:
        ServingError: A value is out of its type's range.
    """
    kind, dtype = proto.dtype, NUMPY[proto.dtype]
    if known.content:
        return np.frombuffer(known.content, dtype).reshape(known.shape)
    count = math.prod(known.shape)
    given = getattr(proto, FIELDS[kind])
    values = np.empty(count, dtype)
    try:
        # In pieces, as each becomes a list of Python objects on the way.
        for start in range(0, len(given), PIECE):
            piece = given[start : start + PIECE]
            values[start : start + len(piece)] = piece
    except OverflowError:
        raise invalid(f"input '{name}': a value is out of range for {type_name(kind)}") from None
    if len(given) < count:
        # As TensorFlow reads it: the last value stands for the rest, nothing at all for zeros.
        values[len(given) :] = given[-1] if given else (b"" if kind == types_pb2.DT_STRING else 0)
    return values.reshape(known.shape)


def to_proto(array: np.ndarray) -> tensor_pb2.TensorProto:
    """An array as a TensorProto with its values in the typed field, as TensorFlow Serving answers."""
    proto = tensor_pb2.TensorProto()
    text = array.dtype == object or array.dtype.kind in "SU"
    kind = types_pb2.DT_STRING if text else KINDS.get(array.dtype)
    if kind is None:
        copied: tensor_pb2.TensorProto = tf.make_tensor_proto(array)
        return copied
    proto.dtype = kind
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    values, field = array.ravel(), getattr(proto, FIELDS[kind])
    for start in range(0, len(values), PIECE):
        field.extend(values[start : start + PIECE].tolist())
    return proto


def packed(array: np.ndarray) -> tensor_pb2.TensorProto:
    """An array as a TensorProto in its most compact form: numbers as bytes; for requests."""
    kind = KINDS.get(array.dtype)
    if kind is None:
        return to_proto(array)
    proto = tensor_pb2.TensorProto(dtype=kind, tensor_content=np.ascontiguousarray(array).tobytes())
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    return proto
