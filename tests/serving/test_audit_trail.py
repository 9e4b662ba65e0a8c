"""What a server says is in its audit log before it is told, or it is not told."""

import asyncio
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from serving.served import push
from solutionserve import audit_trail
from solutionserve.audit_log import append, digests, verify
from solutionserve.audit_trail import AuditTrail, entries_of
from solutionserve.client import Client, ClientError
from solutionserve.embedded import running
from solutionserve.errors import ServingError


def entry(number: int) -> list[dict[str, object]]:
    return [{"event": "prediction", "output": number}]


def test_requests_side_by_side_are_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, writes, first = tmp_path / "log.jsonl", [], threading.Event()
    trail = AuditTrail(file)

    def slow(file: Path, entries: list[dict[str, object]]) -> None:
        entries = list(entries)
        writes.append(len(entries))
        first.wait(5.0)
        append(file, entries)

    monkeypatch.setattr(audit_trail, "append", slow)

    async def all_of_them() -> None:
        one = asyncio.create_task(trail.add(lambda: entry(0)))
        await asyncio.sleep(0.1)
        others = [asyncio.create_task(trail.add(lambda n=n: entry(n))) for n in range(1, 20)]
        await asyncio.sleep(0)
        others[3].cancel()
        first.set()
        done = await asyncio.gather(one, *others, return_exceptions=True)
        assert [type(item) for item in done if item is not None] == [asyncio.CancelledError]

    asyncio.run(all_of_them())
    assert writes == [1, 19]
    assert [json.loads(line)["output"] for line in file.read_text().splitlines()] == list(range(20))


def test_what_could_not_be_written_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "log.jsonl"
    trail = AuditTrail(file)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def broken() -> list[dict[str, object]]:
        raise ZeroDivisionError

    async def told() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(audit_trail, "append", full)
            with pytest.raises(ServingError, match="not logged is not told"):
                await trail.add(lambda: entry(1))
        with pytest.raises(ServingError, match="not told"):
            await trail.add(broken)
        await trail.add(lambda: entry(2))

    asyncio.run(told())
    assert [json.loads(line)["output"] for line in file.read_text().splitlines()] == [2]


def test_a_request_that_cannot_be_logged_takes_no_other_with_it(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    trail = AuditTrail(file)

    def broken() -> list[dict[str, object]]:
        raise MemoryError

    async def together() -> list[object]:
        return await asyncio.gather(
            *(trail.add(broken if n == 1 else lambda n=n: entry(n)) for n in range(4)), return_exceptions=True
        )

    told = asyncio.run(together())
    assert [type(item) for item in told] == [type(None), ServingError, type(None), type(None)]
    assert [json.loads(line)["output"] for line in file.read_text().splitlines()] == [0, 2, 3]


def test_a_file_that_is_no_log_is_not_begun(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN")
    with pytest.raises(ServingError, match=r"--audit_log: .*key.pem: it is no audit log"):
        AuditTrail(key)
    assert key.read_text() == "-----BEGIN"
    with pytest.raises(ServingError, match="directory"):
        AuditTrail(tmp_path)


def test_an_entry_a_row_with_what_is_said_of_it() -> None:
    inputs = {"x": np.array([[1.0], [2.0]], np.float32), "who": np.array([b"Ada", b"Eve"], object)}
    outputs = {"p": np.array([[0.25], [0.5]], np.float32), "classes": np.array([[b"a", b"b"]] * 2, object)}
    first, second = entries_of("m", 3, inputs, outputs, 2)
    assert first["output"] == {"p": 0.25, "classes": ["a", "b"]}
    assert (second["input"], second["version"]) == (digests(inputs, 2)[1], "3")
    assert "Ada" not in json.dumps([first, second])
    (whole,) = entries_of("m", 3, {"x": np.float32(4.0)}, {"y": np.float32(2.0)}, None)
    assert whole["output"] == {"y": 2.0}
    (large,) = entries_of("m", 3, {"x": np.zeros((1, 2))}, {"map": np.zeros((1, 64, 64))}, 1)
    assert large["output"]["map"]["shape"] == [64, 64]
    assert len(large["output"]["map"]["sha256"]) == 64
    (total,) = entries_of("m", 3, {"x": np.zeros((1, 2))}, {"y": np.array(7)}, 1)
    assert total["output"] == {"y": 7}


@pytest.mark.slow
def test_a_server_logs_what_it_says_by_whatever_api(tmp_path: Path, sample_models: Path) -> None:
    file = tmp_path / "log.jsonl"
    push(sample_models, tmp_path / "half", 1)
    flags = [f"--model_base_path={tmp_path / 'half'}", "--model_name=half", f"--audit_log={file}"]
    x = np.array([1.0, 5.0], np.float32)
    with running(*flags) as server:
        for address in (server.grpc, server.rest):
            with Client(address, "half") as client:
                said = client.predict({"x": x})["y"]
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert [line["output"]["y"] for line in lines] == pytest.approx([*said, *said])
        assert [line["input"] for line in lines] == 2 * digests({"x": x}, 2)
        assert {(line["model"], line["version"]) for line in lines} == {("half", "1")}
        # Somebody puts something else in the log's place.
        kept = file.read_bytes()
        file.write_text("no log\n")
        with Client(server.grpc, "half", retries=0) as client, pytest.raises(ClientError, match="not told"):
            client.predict({"x": x})
        file.write_bytes(kept)
        with Client(server.grpc, "half") as client:
            client.predict({"x": x})
    assert (verify(file).lines, verify(file).fault) == (6, "")
