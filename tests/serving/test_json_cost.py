"""What a body costs is known from its bytes, and never less than what parsing it takes."""

import json
import subprocess
import sys

import pytest
from tensorflow.core.framework import types_pb2

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
MEASURE = """
import os
from pathlib import Path
from serving.test_json_cost import ITEMS, body
from solutionserve.json_tensors import parse_body, to_array

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))

for item, kind in ITEMS.items():
    if not os.fork():
        data = body(item)
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        parsed = parse_body(data)
        if kind is not None:
            to_array(parsed["instances"], kind, "instances")
        print(memory("VmHWM") - before, flush=True)
        os._exit(0)
    os.wait()
"""


def body(item: str) -> bytes:
    """A body with many of an item."""
    return ('{"instances":[' + ",".join([item] * COUNT) + "]}").encode()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_parsing_takes_no_more_than_the_cost() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{MEASURE}"],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    taken = dict(zip(ITEMS, map(int, answer.stdout.split()), strict=True))
    too_little = {item: (size / COUNT, cost(body(item), 1 << 40) / COUNT) for item, size in taken.items()}
    assert {item: pair for item, pair in too_little.items() if pair[0] > pair[1]} == {}


def test_too_many_parts_are_refused_with_a_remedy() -> None:
    with pytest.raises(ServingError, match=r"too many parts.*send fewer rows, or use gRPC"):
        cost(b"[" * 1000, 10_000)
    assert cost(json.dumps({"instances": [1.5]}).encode(), 10_000) < 1000
