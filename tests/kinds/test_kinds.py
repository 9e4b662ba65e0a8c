"""What every kind of column promises, whichever it is."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from solutionkit.cells import sequence_array
from solutionkit.examples.encoding import serialized_examples
from solutionkit.kinds import KINDS, Feature, claiming, kind_of

STEPS = np.arange(24.0, dtype=np.float32).reshape(3, 4, 2)
COLUMNS = {
    "numeric": (Feature("x", "numeric"), pa.chunked_array([[1.5, None, -2.0]])),
    "categorical": (Feature("x", "categorical", ("a", "b")), pa.chunked_array([["a", None, "b"]])),
    "date": (
        Feature("x", "date", ("days", "month"), reference="y"),
        pa.chunked_array(
            [pa.array([datetime(2025, 12, 31), None, datetime(1999, 1, 2)], pa.timestamp("us"))]
        ),
    ),
    "text": (Feature("x", "text", ("html", "email")), pa.chunked_array([["a word", None, "two"]])),
    "sequence": (Feature("x", "sequence", shape=(4, 2)), pa.chunked_array([sequence_array(STEPS)])),
    **{
        name: (
            Feature("x", name, ("observed", "value"), shape=(4, 2)),
            pa.chunked_array([sequence_array(STEPS)]),
        )
        for name in ("past", "future")
    },
    "image": (Feature("x", "image", shape=(8, 8, 1)), pa.chunked_array([[b"one", b"two", b"three"]])),
}


def test_all_kinds_are_tested() -> None:
    assert COLUMNS.keys() == KINDS.keys()


@pytest.mark.parametrize("name", KINDS)
class TestKind:
    def test_what_a_server_takes_is_what_a_tf_example_holds(self, name: str) -> None:
        feature, column = COLUMNS[name]
        kind = kind_of(feature)
        examples = list(serialized_examples(pa.table({"x": column})))
        parsed = tf.io.parse_example(examples, {"x": kind.parsing_dense(feature)})["x"]
        sent = tf.constant(kind.array(column))
        assert sent.dtype == parsed.dtype == kind.tensor(feature, "x").dtype
        assert kind.tensor(feature, "x").shape.is_compatible_with(sent.shape)
        both = (sent.numpy(), parsed.numpy())
        assert both[0].tolist() == both[1].tolist() or np.array_equal(*both, equal_nan=True)

    def test_both_ways_into_transform_are_one(self, name: str) -> None:
        feature, column = COLUMNS[name]
        kind = kind_of(feature)
        examples = list(serialized_examples(pa.table({"x": column})))
        parsed = tf.io.parse_example(examples, {"x": kind.parsing(feature)})["x"]
        sent = kind.to_parsed(tf.constant(kind.array(column)))
        if isinstance(parsed, tf.SparseTensor):
            assert parsed.values.numpy().tolist() == sent.values.numpy().tolist()
            assert parsed.indices.numpy().tolist() == sent.indices.numpy().tolist()
        else:
            assert np.array_equal(parsed.numpy(), sent.numpy())

    def test_the_schema_says_what_it_is(self, name: str) -> None:
        feature, _ = COLUMNS[name]
        item = schema_pb2.Feature(name="x")
        kind_of(feature).write_schema(feature, item)
        read = [kind.read_schema(item, feature.domain) for kind in KINDS.values()]
        found = [other for other in read if other]
        # Images are described by their files, and windows are cut; a shape of two dimensions is a sequence.
        told = [(other.kind, other.shape, other.domain) for other in found]
        if name in ("past", "future"):
            assert told == [("sequence", feature.shape, ())]
        else:
            assert told == ([] if name == "image" else [(name, feature.shape, feature.domain)])

    def test_a_row_is_read_in_one_line(self, name: str) -> None:
        feature, column = COLUMNS[name]
        kind = kind_of(feature)
        assert kind.readable(kind.array(column)).shape == (3,)


def test_a_column_is_claimed_by_one_kind() -> None:
    """Windows look like sequences, and are declared where they are cut; free text is declared by its reader."""
    claimed = {name: claiming(column) for name, (_, column) in COLUMNS.items()}
    assert [kind.name if kind else None for kind in claimed.values()] == [
        "numeric", "categorical", "date", "categorical", "sequence", "sequence", "sequence", None,
    ]  # fmt: skip


def test_truth_values_are_spelled_as_the_model_knows_them() -> None:
    feature = Feature("x", "categorical", ("False", "True"))
    found, problems = kind_of(feature).cast(pa.chunked_array([[True, None, False]]), feature)
    assert (found.to_pylist(), problems) == (["True", None, "False"], [])
