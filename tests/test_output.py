import os
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from solutionkit.output import is_stream, plain_text, summary_to, write_csv, written

TABLE = pa.table({"id": ["a"], "probability": [-0.5]})
TEXT = b'"id","probability"\n"a",-0.5\n'


def write(file: Path) -> None:
    with written(file) as stream:
        stream.write(b"new")


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("old")
    with pytest.raises(TypeError), written(file) as stream:
        stream.writelines([b"half", "no bytes"])  # type: ignore[list-item]
    assert file.read_text() == "old"
    write(file)
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "out.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    for _ in range(2):
        write(link)
        assert link.is_symlink()
        assert target.read_text() == "new"
        target.write_text("old")


def test_a_folder_is_no_file_to_write_and_no_stream(tmp_path: Path) -> None:
    assert summary_to(tmp_path) is sys.stdout
    with pytest.raises(IsADirectoryError) as error:
        write(tmp_path)
    assert error.value.filename == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_straight(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_csv(TABLE, pipe)
    reader.join()
    assert read == [TEXT]
    assert is_stream(pipe)


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    write(link)
    assert link.is_symlink()
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("to_file", [True, False])
def test_the_standard_output_holds_the_table_alone(tmp_path: Path, to_file: bool) -> None:
    code = (
        "import pyarrow as pa; from pathlib import Path; from solutionkit.output import *;"
        "file = Path('/dev/stdout'); write_csv(pa.table({'id': ['a'], 'probability': [-0.5]}), file);"
        "print('1 row', file=summary_to(file))"
    )
    out = tmp_path / "out.csv"
    out.write_bytes(b"before\n")
    with out.open("ab") as stream:
        answer = subprocess.run(
            [sys.executable, "-c", code],
            stdout=stream if to_file else subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == b"1 row\n"
    assert (out.read_bytes() if to_file else b"before\n" + answer.stdout) == b"before\n" + TEXT


def test_what_a_spreadsheet_would_run_becomes_text(tmp_path: Path) -> None:
    cells = ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx", "-12", "+49", "-1.5e3", "a=b", "", None]
    expected = [
        "'=1+1",
        "'+cmd",
        "'-2+3",
        "'@SUM(A1)",
        "'\tx",
        "'\rx",
        "-12",
        "+49",
        "-1.5e3",
        "a=b",
        "",
        None,
    ]
    assert plain_text(pa.array(cells)).to_pylist() == expected
    file = tmp_path / "out.csv"
    write_csv(pa.table({"=id": ["=1", "-12"], "value": [-1.0, -12.5]}), file)
    assert file.read_text() == '"\'=id","value"\n"\'=1",-1\n"-12",-12.5\n'
