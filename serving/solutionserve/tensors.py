"""TensorProto to NumPy and back, with every field checked before memory is taken."""

from __future__ import annotations

import math

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
# What an element of text costs at least, as a Python object.
TEXT_BYTES = 49


def type_name(kind: int) -> str:
    """A type's name as TensorFlow writes it, e.g. `float`."""
    return (
        types_pb2.DataType.Name(kind).removeprefix("DT_").lower()
        if kind in types_pb2.DataType.values()
        else str(kind)
    )


def to_array(proto: tensor_pb2.TensorProto, name: str, largest: int) -> np.ndarray:
    """A TensorProto as an array.

    Args:
        proto: The message.
        name: The input's name, for errors.
        largest: Most bytes that the array may take.

    Raises:
        ServingError: Type, shape and values do not fit together.
    """
    kind = proto.dtype
    field = FIELDS.get(kind)
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    content = proto.tensor_content
    if content and len(sizes) == 1 and field and field != "string_val":
        dtype = NUMPY[kind]
        if sizes[0] * dtype.itemsize == len(content):
            return np.frombuffer(content, dtype)  # a packed column: nothing more to check
    if field is None:
        raise ServingError(
            Code.UNIMPLEMENTED if kind else Code.INVALID_ARGUMENT,
            f"input '{name}': type {type_name(kind)} is not supported",
        )
    if proto.tensor_shape.unknown_rank or len(sizes) > MOST_DIMENSIONS:
        raise invalid(
            f"input '{name}': a tensor must have a known shape of at most {MOST_DIMENSIONS} dimensions"
        )
    shape = tuple(sizes)
    if min(shape, default=0) < 0:
        raise invalid(f"input '{name}': shape {list(shape)} has a negative dimension")
    count, dtype = math.prod(shape), NUMPY[kind]
    if (
        max(sizes, default=0) > largest
        or count * (TEXT_BYTES if kind == types_pb2.DT_STRING else dtype.itemsize) > largest
    ):
        raise invalid(f"input '{name}': shape {list(shape)} is larger than the {largest:,} bytes allowed")
    if content:
        if kind == types_pb2.DT_STRING:
            raise invalid(f"input '{name}': text must be in string_val, not in tensor_content")
        if len(content) != count * dtype.itemsize:
            raise invalid(
                f"input '{name}': tensor_content has {len(content)} bytes,"
                f" shape {list(shape)} needs {count * dtype.itemsize}"
            )
        return np.frombuffer(content, dtype).reshape(shape)
    given = getattr(proto, field)
    if len(given) > count:
        raise invalid(f"input '{name}': {len(given)} values for shape {list(shape)} of {count}")
    try:
        values = np.array(given, dtype)
    except OverflowError:
        raise invalid(f"input '{name}': a value is out of range for {type_name(kind)}") from None
    if len(values) < count:
        # As TensorFlow reads it: the last value stands for the rest, nothing at all for zeros.
        rest = values[-1] if len(values) else (b"" if kind == types_pb2.DT_STRING else 0)
        padded = np.full(count, rest, dtype)
        padded[: len(values)] = values
        values = padded
    return values.reshape(shape)


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
    getattr(proto, FIELDS[kind]).extend(array.ravel().tolist())
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
