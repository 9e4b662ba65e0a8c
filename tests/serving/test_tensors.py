"""TensorProto to NumPy, as TensorFlow itself reads it."""

import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from solutionserve import tensors
from solutionserve.errors import ServingError
from solutionserve.tensors import described, to_array


@pytest.mark.parametrize("given", [0, 1, 2, 3, 5, 6])
@pytest.mark.parametrize("kind", ["float32", "int64", "string", "bool", "uint8"])
def test_values_left_out_are_the_last_one_again(
    given: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensors, "PIECE", 2)
    proto = tensor_pb2.TensorProto(dtype=tf.as_dtype(kind).as_datatype_enum)
    proto.tensor_shape.CopyFrom(tf.TensorShape([2, 3]).as_proto())
    values = {"string": [b"a", b"bb", b"", b"d", b"e", b"f"], "bool": [True, False] * 3}.get(
        kind, list(range(1, 7))
    )
    getattr(proto, tensors.FIELDS[proto.dtype]).extend(values[:given])
    found = to_array(proto, "x", described(proto, "x"))
    expected = (values[:given] or [b"" if kind == "string" else 0])[-1:] * 6
    expected[:given] = values[:given]
    assert found.shape == (2, 3)
    assert found.ravel().tolist() == expected


@pytest.mark.parametrize(
    ("shape", "size"), [([3], 12), ([0], 0), ([], 4), ([1 << 39], 4 << 39), ([1 << 39, 1 << 39], 4 << 78)]
)
def test_what_an_array_would_take_is_known_before_it_is_made(shape: list[int], size: int) -> None:
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT)
    for dimension in shape:
        proto.tensor_shape.dim.add(size=dimension)
    assert described(proto, "x").size == size


def test_a_text_that_stands_for_many_counts_as_often() -> None:
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"x" * 1000])
    proto.tensor_shape.dim.add(size=500)
    assert described(proto, "x").size > 499 * 1000


@pytest.mark.parametrize("dimension", [-1, (1 << 40) + 1, (1 << 63) - 1])
def test_dimensions_that_make_no_sense(dimension: int) -> None:
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT)
    proto.tensor_shape.dim.add(size=dimension)
    with pytest.raises(ServingError, match="shape"):
        described(proto, "x")
