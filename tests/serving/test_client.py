"""The client against a server of the tests' own, and against answers that fail."""

import asyncio
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.conftest import Addresses
from solutionserve.client import AsyncClient, Client, ClientError, Shadow
from solutionserve.client.clients import _Attempts
from solutionserve.client.messages import Signature
from solutionserve.client.rows import to_inputs
from solutionserve.errors import Code

FRAME = pd.DataFrame(
    {"age": [30, 1.5, None], "city": ["ulm", "€", None], "visits": [4, -1, 0], "more": 0}, index=[5, 6, 7]
)


@pytest.fixture(params=["grpc", "rest"])
def address(request: pytest.FixtureRequest, server: Addresses) -> str:
    return getattr(server, request.param)


class TestPredict:
    def test_a_frame_in_and_out(self, address: str) -> None:
        with Client(address, "columns") as client:
            found = client.predict(FRAME)
        assert list(found.index) == [5, 6, 7]
        assert list(found["name"]) == [b"ULM", "€".encode(), b""]
        np.testing.assert_array_equal(found["score_0"], np.float32([30, 1.5, np.nan]))
        assert list(found["score_1"]) == [4.0, -1.0, 0.0]
        assert found["image_bytes"].iloc[0] == b"ulm\xff"

    def test_arrays_in_pieces(self, address: str) -> None:
        values = np.arange(2500, dtype=np.float32)
        with Client(address, "half_plus_two", label="stable", rows_a_request=1000) as client:
            found = client.predict({"x": values})
        np.testing.assert_allclose(found["y"], values / 2 + 2)

    def test_version_label_and_status(self, address: str) -> None:
        with (
            Client(address, "half_plus_two", version=1) as one,
            Client(address, "half_plus_two", label="canary") as two,
        ):
            assert one.predict({"x": [2.0]})["y"] == [3.0]
            assert two.predict({"x": [2.0]})["y"] == [4.0]
            assert [(item.version, item.state) for item in one.status()] == [(1, "AVAILABLE")]

    def test_to_await(self, address: str) -> None:
        async def ask() -> list[float]:
            async with AsyncClient(address, "half_plus_two", label="stable") as client:
                answers = await asyncio.gather(*(client.predict({"x": [float(x)]}) for x in range(20)))
                assert [item.version for item in await client.status()] == [2, 1]
                assert await client.version() == 1
                return [float(answer["y"][0]) for answer in answers]

        assert asyncio.run(ask()) == [x / 2 + 2 for x in range(20)]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda frame: frame.rename(columns={"visits": "visit"}),
                "column 'visits' is missing.*did you mean 'visit'",
            ),
            (lambda frame: frame.assign(age=["1", "x", "2"]), "column 'age', row 1: 'x' is not a number"),
            (lambda frame: frame.assign(visits=[1.5, 0, 0]), "column 'visits' must hold whole numbers"),
        ],
    )
    def test_a_wrong_column(self, address: str, change: Any, message: str) -> None:
        with Client(address, "columns") as client, pytest.raises(ClientError, match=message) as caught:
            client.predict(change(FRAME))
        assert caught.value.code == Code.INVALID_ARGUMENT

    def test_wrong_names(self, address: str) -> None:
        with (
            Client(address, "none") as client,
            pytest.raises(ClientError, match="Servable not found") as caught,
        ):
            client.predict(FRAME)
        assert caught.value.code == Code.NOT_FOUND
        with (
            Client(address, "columns", signature="s") as client,
            pytest.raises(ClientError, match="there are: checked, serving_default"),
        ):
            client.predict(FRAME)

    def test_an_error_of_the_model(self, address: str) -> None:
        with (
            Client(address, "columns", signature="checked") as client,
            pytest.raises(ClientError, match="too large"),
        ):
            client.predict({"x": [[2000.0, 1.0]]})


def test_texts_as_the_library_writes_them() -> None:
    signature = Signature("s", {"a": "DT_STRING", "b": "DT_STRING", "c": "DT_STRING"}, {})
    frame = pd.DataFrame({"a": [1.0, None], "b": [True, False], "c": [1.5, 2]})
    found = to_inputs(frame, signature)
    assert {name: value.tolist() for name, value in found.items()} == {
        "a": [b"1", b""],
        "b": [b"true", b"false"],
        "c": [b"1.5", b"2.0"],
    }


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("DT_INT32", np.array([3_000_000_000]), "whole numbers that fit int32"),
        ("DT_UINT8", np.array([-1]), "whole numbers that fit uint8"),
        ("DT_INT64", pd.Series([1.7], dtype=object), "whole numbers"),
        ("DT_INT64", pd.Series([2**70], dtype=object), "whole numbers"),
        ("DT_BOOL", np.array(["False"], object), "true or false"),
        ("DT_FLOAT", pd.Series(["1", "one"]), "row 1: 'one' is not a number"),
    ],
)
def test_values_are_never_changed_silently(kind: str, values: object, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        to_inputs({"a": values}, Signature("s", {"a": kind}, {}))


def test_missing_values_of_all_kinds() -> None:
    signature = Signature("s", {"a": "DT_STRING", "b": "DT_FLOAT"}, {})
    frame = pd.DataFrame(
        {"a": pd.array(["x", None], dtype="string"), "b": pd.array([1, None], dtype="Int64")}
    )
    found = to_inputs(frame, signature)
    assert found["a"].tolist() == [b"x", b""]
    np.testing.assert_array_equal(found["b"], np.float32([1, np.nan]))


class TestRetries:
    class Flaky:
        """A transport that fails a few times before it answers."""

        def __init__(self, failures: int, code: Code) -> None:
            self.left, self.code, self.calls = failures, code, 0

        def send(self, call: object, seconds: float) -> list[object]:
            self.calls += 1
            if self.left:
                self.left -= 1
                raise ClientError(self.code, "down")
            return []

        def close(self) -> None:
            pass

    def client(self, flaky: Flaky, **options: Any) -> Client:
        client = Client("http://localhost:1", "m", **options)
        client._transport = flaky  # type: ignore[assignment]
        return client

    @pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.CANCELLED])
    def test_a_restarting_server_is_asked_again(self, code: Code) -> None:
        flaky = self.Flaky(2, code)
        assert self.client(flaky).status() == []
        assert flaky.calls == 3

    def test_what_will_not_pass_is_not_tried_again(self) -> None:
        flaky = self.Flaky(1, Code.INVALID_ARGUMENT)
        with pytest.raises(ClientError):
            self.client(flaky).status()
        assert flaky.calls == 1

    def test_within_the_deadline(self) -> None:
        flaky = self.Flaky(1000, Code.UNAVAILABLE)
        started = time.monotonic()
        with pytest.raises(ClientError, match="down"):
            self.client(flaky, timeout=0.5, retries=1000).status()
        assert time.monotonic() - started < 0.6
        assert flaky.calls > 2

    def test_the_deadline_never_runs_below_zero(self) -> None:
        assert _Attempts(-1.0, 3).remaining > 0

    def test_a_closed_client_says_so(self) -> None:
        client = Client("localhost:1", "m")
        client.close()
        with pytest.raises(ClientError, match=r"localhost:1: .*closed") as caught:
            client.status()
        assert not caught.value.may_pass

    @pytest.mark.parametrize("address", ["localhost:1", "http://localhost:1"])
    def test_no_server(self, address: str) -> None:
        with (
            Client(address, "m", timeout=1.0, retries=1) as client,
            pytest.raises(ClientError, match=address) as caught,
        ):
            client.status()
        assert caught.value.code in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)


class TestShadow:
    def test_it_counts_how_often_the_canary_differs(self, server: Addresses) -> None:
        shadow = Shadow(Client(server.grpc, "half_plus_two", label="canary"))
        with Client(server.grpc, "half_plus_two", label="stable", shadow=shadow) as client:
            for _ in range(5):
                client.predict({"x": [1.0, 2.0]})
        report = shadow.close()
        assert (report.requests, report.rows, report.differing_requests, report.differing_rows) == (
            5,
            10,
            5,
            10,
        )
        assert report.largest_difference == 1.0
        assert "100.00% of the rows differ" in str(report)

    def test_the_same_version_does_not_differ(self, server: Addresses) -> None:
        shadow = Shadow(Client(server.grpc, "columns"))
        with Client(server.grpc, "columns", shadow=shadow) as client:
            client.predict(FRAME)
        report = shadow.close()
        assert (report.requests, report.differing_rows, report.failed) == (1, 0, 0)

    def test_nothing_it_does_fails_the_request(self, server: Addresses) -> None:
        blocked = threading.Event()

        class Canary:
            def predict(self, rows: object) -> object:
                blocked.wait(20)
                raise RuntimeError("the canary is dead")

        shadow = Shadow(Canary(), waiting=2)
        with Client(server.grpc, "half_plus_two", label="stable", shadow=shadow) as client:
            for _ in range(10):
                assert client.predict({"x": [2.0]})["y"] == [3.0]
        blocked.set()
        report = shadow.close()
        assert report.failed >= 2
        assert report.failed + report.dropped == 10
        assert report.last_failure == "the canary is dead"

    def test_a_dead_canary_does_not_keep_its_user_waiting(self) -> None:
        class Canary:
            def predict(self, rows: object) -> object:
                threading.Event().wait()

        shadow = Shadow(Canary(), waiting=2)
        for _ in range(5):
            shadow.observe({}, {"y": np.zeros(2)})
            time.sleep(0.05)
        started = time.monotonic()
        report = shadow.close(seconds=0.3)
        assert time.monotonic() - started < 5.0
        assert report.dropped == 4

    def test_a_canary_with_other_outputs(self) -> None:
        class Canary:
            def predict(self, rows: object) -> dict[str, np.ndarray]:
                return {"other": np.zeros(3)}

        shadow = Shadow(Canary())
        shadow.observe({}, {"y": np.zeros(2)})
        assert shadow.close().failed == 1


def test_it_needs_neither_tfx_nor_over_rest_tensorflow() -> None:
    blocked = "import sys; sys.modules.update(dict.fromkeys({names!r})); "
    use = "from solutionserve.client import Client, AsyncClient, Shadow; Client({address!r}, 'm').close()"
    heavy = [
        "tfx",
        "tfx_bsl",
        "tensorflow_transform",
        "tensorflow_model_analysis",
        "ml_metadata",
        "apache_beam",
    ]
    for names, address in (
        (heavy, "localhost:1"),
        ([*heavy, "tensorflow", "pandas", "solutionkit"], "http://localhost:1"),
    ):
        code = blocked.format(names=names) + use.format(address=address)
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert answer.returncode == 0, answer.stderr
