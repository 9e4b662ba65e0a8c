"""Rows in one file, in two, and with their splits in another."""

from pathlib import Path

import pytest

from solutionkit.declaration import Columns, Data, Declaration
from solutionkit.errors import DataError
from solutionkit.modalities.table.given import read_given


def declare(folder: Path, key: str | None = None, **data: object) -> Declaration:
    paths = {name: folder / str(value) if name != "split" else value for name, value in data.items()}
    columns = Columns(label="y", id=key, split="fold" if "split_table" in data else None)
    return Declaration(data=Data(**paths), columns=columns)


def test_two_files_say_which_rows_are_which(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,0\n2,1\n")
    (tmp_path / "b.csv").write_text("y,x\n1,3\n")
    given = read_given(declare(tmp_path, train="a.csv", eval="b.csv"))
    table, splits, source = given.read.table, given.splits, given.source
    assert table["x"].to_pylist() == ["1", "2", "3"]
    assert splits is not None
    assert splits.tolist() == ["train", "train", "eval"]
    assert "a.csv" in source
    assert "b.csv" in source
    (tmp_path / "b.csv").write_text("y,z\n1,3\n")
    with pytest.raises(DataError, match="their columns differ: x, z"):
        read_given(declare(tmp_path, train="a.csv", eval="b.csv"))


@pytest.mark.parametrize(
    ("key", "beside", "folds"),
    [
        (None, "fold\na\nb\nc\n", ["a", "b", "c"]),
        (None, "row,fold\n2,c\n0,a\n1,b\n", ["a", "b", "c"]),
        ("id", "id,fold\nr,c\np,a\nq,b\nmore,d\n", ["a", "b", "c"]),
    ],
    ids=["in order", "by row", "by id"],
)
def test_splits_in_another_table(tmp_path: Path, key: str | None, beside: str, folds: list[str]) -> None:
    (tmp_path / "rows.csv").write_text("id,y\np,0\nq,1\nr,0\n")
    (tmp_path / "folds.csv").write_text(beside)
    declaration = declare(tmp_path, key, path="rows.csv", split="column", split_table="folds.csv")
    given = read_given(declaration)
    table, splits = given.read.table, given.splits
    assert table["fold"].to_pylist() == folds
    assert splits is None


@pytest.mark.parametrize(
    ("key", "beside", "message"),
    [
        (None, "folds\na\nb\nc\n", r"missing \(did you mean 'folds'"),
        (None, "fold\na\nb\n", "it has 2 rows, the data 3"),
        (None, "row,fold\n1,a\n2,b\n3,c\n", "must number the data's rows from 0"),
        ("id", "id,fold\np,a\nq,b\n", "it lacks 1 ids of the data, e.g. 'r'"),
        ("id", "id,fold\np,a\nq,b\nr,c\nr,d\n", "ids stand twice"),
    ],
)
def test_a_table_of_splits_that_does_not_fit(
    tmp_path: Path, key: str | None, beside: str, message: str
) -> None:
    (tmp_path / "rows.csv").write_text("id,y\np,0\nq,1\nr,0\n")
    (tmp_path / "folds.csv").write_text(beside)
    declaration = declare(tmp_path, key, path="rows.csv", split="column", split_table="folds.csv")
    with pytest.raises(DataError, match=message):
        read_given(declaration)
