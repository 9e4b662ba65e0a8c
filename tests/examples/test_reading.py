from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from solutionkit.errors import UserError
from solutionkit.examples.dialect import Dialect
from solutionkit.examples.reading import read_table


def write(folder: Path, content: bytes, name: str = "rows.csv") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def test_csv_cells_are_trimmed_text(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, b'a,b\n1, x \n,""\n"2"," "\n'))
    assert table.to_pydict() == {"a": ["1", None, "2"], "b": ["x", None, None]}


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "\ufeffa,b\r\n1,ü\r\n".encode()))
    assert table.to_pydict() == {"a": ["1"], "b": ["ü"]}


def test_quoted_newlines(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, b'a,b\n1,"two\nlines"\n2,x\n'))
    assert table["b"].to_pylist() == ["two\nlines", "x"]


def test_parquet_keeps_types_and_unfolds_dictionaries(tmp_path: Path) -> None:
    table = pa.table({"a": [1, None], "b": pa.array(["x", "y"]).dictionary_encode()})
    pa.parquet.write_table(table, tmp_path / "rows.parquet")
    found = read_table(tmp_path / "rows.parquet")
    assert found["a"].type == pa.int64()
    assert found["b"].to_pylist() == ["x", "y"]


def test_a_folder_of_files(tmp_path: Path) -> None:
    write(tmp_path, b"a\n1\n", "2.csv")
    write(tmp_path, b"a\n0\n", "1.csv")
    assert read_table(tmp_path)["a"].to_pylist() == ["0", "1"]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_columns_that_no_comma_separates(tmp_path: Path, mark: str) -> None:
    content = f"key{mark}note\n1{mark}a, b\n2{mark}c\n".encode()
    assert read_table(write(tmp_path, content)).to_pydict() == {"key": ["1", "2"], "note": ["a, b", "c"]}


def test_decimal_commas_beside_semicolons(tmp_path: Path) -> None:
    found = read_table(write(tmp_path, b"a;b;c\n1,5;2,5 kg;7\n -3 ;;\n;x;8\n"))
    assert found["a"].to_pylist() == ["1.5", "-3", None]
    # Texts are left as they are.
    assert found["b"].to_pylist() == ["2,5 kg", None, "x"]
    assert found["c"].to_pylist() == ["7", None, "8"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"a,b\n", "has a header but no rows"),
        (b"\na,b\n1,2\n", "line 1 is blank"),
        (b"a,,b\n1,2,3\n", "column 2 has no name"),
        (b"a,a\n1,2\n", "the column 'a' stands twice"),
        (b"a,b\n1,2\n1,2,3\n", "not a readable CSV"),
        ("a,b\n1,2\n3,Łódź\n".encode("cp1250"), "line 3: not UTF-8 (byte 0xa3"),
        (b"a\x81,b\n1,2\n", "line 1: not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-be"), 'encoding = "utf-16-le"'),
    ],
)
def test_broken_csv_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UserError) as error:
        read_table(write(tmp_path, content))
    assert "rows.csv" in str(error.value)
    assert message in str(error.value)


def test_nul_bytes_in_cells_of_several_lines_become_spaces(tmp_path: Path) -> None:
    # Arrow loses its place where a block of a megabyte ends.
    cell = f"one\nnull \x00 done {'x' * 1000}"
    rows = 4000
    content = "id,body,q\n" + "".join(f'{row},"{cell}",z\n' for row in range(rows))
    table = read_table(write(tmp_path, content.encode()))
    assert table.num_rows == rows
    assert set(table["body"].to_pylist()) == {cell.replace("\x00", " ")}
    assert set(table["q"].to_pylist()) == {"z"}


def test_cells_that_mean_nothing(tmp_path: Path) -> None:
    file = write(tmp_path, b"a;b\n1,5;k.A.\nk.A.;x\nunbekannt;y\n")
    found = read_table(file, Dialect(missing=("k.A.", "unbekannt")))
    assert found.to_pydict() == {"a": ["1.5", None, None], "b": [None, "x", "y"]}


def test_missing_file_suggests_a_neighbour(tmp_path: Path) -> None:
    write(tmp_path, b"a\n1\n", "customers.csv")
    with pytest.raises(UserError, match=r"did you mean 'customers\.csv'"):
        read_table(tmp_path / "customer.csv")


def test_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown format"):
        read_table(write(tmp_path, b"x", "rows.sav"))


def test_broken_parquet(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a readable Parquet"):
        read_table(write(tmp_path, b"not parquet", "rows.parquet"))


def test_files_of_a_folder_must_agree(tmp_path: Path) -> None:
    write(tmp_path, b"a,b\n1,2\n", "1.csv")
    write(tmp_path, b"a,c\n1,2\n", "2.csv")
    with pytest.raises(UserError, match=r"columns differ from those of 1\.csv: b, c"):
        read_table(tmp_path)


def test_files_of_different_kinds(tmp_path: Path) -> None:
    write(tmp_path, b"a\n1\n", "1.csv")
    pa.parquet.write_table(pa.table({"a": [1]}), tmp_path / "2.parquet")
    with pytest.raises(UserError, match="different kinds"):
        read_table(tmp_path)


def test_nan_and_typeless_columns_are_missing(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"a": [1.0, float("nan")], "b": pa.nulls(2)}), tmp_path / "rows.parquet")
    assert read_table(tmp_path / "rows.parquet").to_pydict() == {"a": [1.0, None], "b": [None, None]}
