"""A log of predictions holds as it was written, and shows whatever was done to it since."""

import json
import multiprocessing
import re
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solutionkit.cli import main
from solutionserve.audit_log import (
    START,
    AuditLogError,
    append,
    as_bytes,
    digest,
    digests,
    entry_of,
    verify,
)


def written(file: Path, count: int = 6) -> list[str]:
    append(
        file,
        (
            {"event": "prediction", "input": digest([bytes([n])]), "output": {"p": n / 10}}
            for n in range(count)
        ),
    )
    return file.read_text().splitlines()


def test_lines_are_numbered_and_chained(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "log.jsonl"
    lines = [json.loads(line) for line in written(file)]
    assert [line["number"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[0]["previous"] == START
    assert [line["previous"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]
    more = append(file, [{"event": "override", "of": 2}])
    assert more.lines == 7
    found = verify(file)
    assert (found.lines, found.fault, found.head) == (7, "", more.head)
    assert entry_of(file, 7)["of"] == 2
    with pytest.raises(AuditLogError, match="there is no entry 9"):
        entry_of(file, 9)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda lines: [*lines[:2], lines[2].replace("0.2", "0.9"), *lines[3:]], "line 3 was changed"),
        (lambda lines: [*lines[:2], *lines[3:]], "line 3: .* lines were removed"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "line 1: .* lines were removed, moved"),
        (lambda lines: [*lines[:3], lines[1], *lines[3:]], "line 4: .* put between"),
        (lambda lines: lines[1:], "line 1: .* lines were removed"),
        (lambda lines: [*lines, "no line"], "line 7 is no line of a log"),
        (lambda lines: [*lines, "[1]"], "line 7 is no line of a log"),
    ],
)
def test_what_was_done_to_it_shows(tmp_path: Path, change: Any, fault: str) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(change(written(file))) + "\n")
    found = verify(file)
    assert re.search(fault, found.fault)


def test_a_cut_end_shows_to_who_kept_the_head(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "log.jsonl"
    lines = written(file)
    head = verify(file).head
    assert main(["audit", "verify", str(file), "--head", head]) == 0
    file.write_text("\n".join(lines[:-1]) + "\n")
    assert main(["audit", "verify", str(file)]) == 0
    assert main(["audit", "verify", str(file), "--head", head]) == 1
    assert "lines were cut or changed" in capsys.readouterr().out


def test_an_unfinished_line_is_cut_off_by_the_next_writer(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    written(file)
    with file.open("ab") as stream:
        stream.write(b'{"event": "predi')
    assert "unfinished" in verify(file).fault
    append(file, [{"event": "prediction"}])
    found = verify(file)
    assert (found.lines, found.fault) == (7, "")


def test_nothing_is_added_to_what_is_no_log(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(AuditLogError, match="no audit log"):
        append(file, [{"event": "prediction"}])
    assert file.read_text() == "a,b\n1,2\n"


def test_files_that_are_no_logs_are_left_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    for content in ("-----BEGIN KEY-----", "a,b\n1,2\n3,4", "x" * 3_000_000):
        file.write_text(content)
        with pytest.raises(AuditLogError, match="no audit log"):
            append(file, [{"event": "prediction"}])
        assert file.read_text() == content


def test_on_a_full_disk_all_or_none_is_written(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    written(file, 1)
    before = file.read_bytes()

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            append(file, ({"event": "prediction", "of": n} for n in range(60)))
        except OSError:
            sys.exit(7)

    process = multiprocessing.get_context("fork").Process(target=fill)
    process.start()
    process.join()
    assert process.exitcode == 7
    assert file.read_bytes() == before


def test_what_is_written_otherwise_or_anew_shows(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    lines = written(file)
    kept = json.loads(lines[3])["hash"]
    assert verify(file, kept).fault == ""
    # A key that stands twice reads as the second one.
    file.write_text("\n".join([lines[0].replace("{", '{"event": "no", ', 1), *lines[1:]]) + "\n")
    assert "line 1 was changed" in verify(file).fault
    file.write_text('{"hash": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}\n')
    assert "line 1 is no line of a log" in verify(file).fault
    # All worked out anew holds by itself, but not by a hash that was kept.
    file.unlink()
    written(file)
    assert verify(file).fault == ""
    assert "no line has the hash" in verify(file, kept).fault


def _many(file: Path) -> None:
    for _ in range(40):
        append(file, [{"event": "prediction"}])


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    processes = [multiprocessing.get_context("fork").Process(target=_many, args=(file,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = verify(file)
    assert (found.lines, found.fault) == (120, "")


def test_who_decides_otherwise_is_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "log.jsonl"
    written(file)
    arguments = ["audit", "override", str(file), "--number", "3", "--decision", "no", "--operator", "R-17"]
    assert main([*arguments, "--reason", "artefact"]) == 0
    said = entry_of(file, 7)
    assert (said["of"], said["decision"], said["operator"], said["reason"]) == (3, "no", "R-17", "artefact")
    assert said["input"] == entry_of(file, 3)["input"]
    assert main(["audit", "override", str(file), "--number", "7", "--decision", "no", "--operator", "R"]) == 1
    assert main(["audit", "override", str(file), "--number", "3"]) == 1
    file.write_text(file.read_text().replace("artefact", "nothing"))
    assert main(arguments) == 1
    assert "nothing is added to a log that does not hold" in capsys.readouterr().err
    assert main(["audit", "verify", str(tmp_path / "none")]) == 1


def test_a_row_is_known_by_its_values_in_whatever_order_and_form() -> None:
    values = {"text": np.array(["ü", "b"], object), "number": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)}
    turned = {"number": values["number"], "text": np.array(["ü".encode(), b"b"], object)}
    first, second = digests(values, 2)
    assert digests(turned, 2) == [first, second]
    assert first != second
    assert digests({**values, "number": values["number"].astype(np.float64)}, 2)[0] != first
    alone = digest([as_bytes(values["number"][0]), as_bytes("ü")])
    assert alone == first
    assert digests({"x": np.array([1.5, 2.5], np.float32)}, 2)[1] == digest([as_bytes(np.float32(2.5))])
    nested = {"texts": np.array([["a", "b"], ["ab", ""]], object)}
    assert len(set(digests(nested, 2))) == 2
    assert len(digests({"none": np.zeros((3, 0))}, 3)) == 3


def test_an_entry_too_long_to_go_on_from_is_refused_and_the_log_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    written(file, 2)
    with pytest.raises(AuditLogError, match="is too long for the log"):
        append(file, [{"event": "prediction", "output": list(range(200_000))}])
    assert append(file, [{"event": "override"}]).lines == 3
    assert verify(file).fault == ""
