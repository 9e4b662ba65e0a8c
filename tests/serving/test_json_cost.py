"""What a body costs is known from its bytes, and never less than what parsing it takes."""

import json
import sys

import pytest
from tensorflow.core.framework import types_pb2

from serving.memory import measured
from solutionserve.errors import ServingError
from solutionserve.json_cost import cost

COUNT = 300_000
# An item, and the type of the array that a list of them becomes, if it does.
ITEMS = {
    "[]": None,
    "{}": None,
    '{"x":1}': None,
    '{"x":{}}': None,
    '""': types_pb2.DT_STRING,
    '"some text"': types_pb2.DT_STRING,
    '{"b64":""}': types_pb2.DT_STRING,
    "1": types_pb2.DT_FLOAT,
    "123456789012": types_pb2.DT_INT64,
    "1.5": types_pb2.DT_DOUBLE,
    "NaN": types_pb2.DT_FLOAT,
    "[1.5,2.5]": types_pb2.DT_FLOAT,
    "[[[1]]]": types_pb2.DT_FLOAT,
    "true": types_pb2.DT_BOOL,
}
PREPARE = """
from serving.test_json_cost import ITEMS, body
from solutionserve.json_tensors import parse_body, to_array

def make(item):
    return body(item)

def work(item, data):
    parsed = parse_body(data)
    if ITEMS[item] is not None:
        to_array(parsed["instances"], ITEMS[item], "instances")
    return parsed
"""


def body(item: str) -> bytes:
    """A body with many of an item."""
    return ('{"instances":[' + ",".join([item] * COUNT) + "]}").encode()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_parsing_takes_no_more_than_the_cost() -> None:
    for item, (_, taken) in measured(PREPARE, list(ITEMS)).items():
        assert taken <= cost(body(item), 1 << 40), item


def test_too_many_parts_are_refused_with_a_remedy() -> None:
    with pytest.raises(ServingError, match=r"too many parts.*send fewer rows, or use gRPC"):
        cost(b"[" * 1000, 10_000)
    assert cost(json.dumps({"instances": [1.5]}).encode(), 10_000) < 1000
