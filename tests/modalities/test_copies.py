"""Rows that stand in a table more than once."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.declaration import Columns, Data, Declaration
from solutionkit.modalities.table.copies import copies, copies_on_both_sides

RANDOM = np.random.default_rng(0)
DECLARATION = Declaration(
    data=Data(path=Path("any")), columns=Columns(label="y", id="row", ignore=["loaded"])
)


def table(rows: int, **columns: np.ndarray) -> pa.Table:
    plain = {
        "a": RANDOM.normal(size=rows),
        "b": RANDOM.integers(0, 5, rows),
        "y": RANDOM.integers(0, 2, rows),
    }
    return pa.table(plain | columns)


def thrice(whole: pa.Table) -> pa.Table:
    return pa.concat_tables([whole] * 3)


def test_copies_are_alike_in_all_that_a_model_could_read() -> None:
    tripled = thrice(table(40)).append_column("row", pa.array(range(120)))
    tripled = tripled.append_column("loaded", pa.array(RANDOM.normal(size=120)))
    # The label may differ: somebody has corrected it.
    tripled = tripled.set_column(2, "y", pa.array(RANDOM.integers(0, 2, 120)))
    found, notes = copies(tripled, DECLARATION)
    assert found is not None
    assert all(len({found[row], found[row + 40], found[row + 80]}) == 1 for row in range(40))
    assert len(set(found)) == 40
    assert "120 rows stand in the data more than once" in notes[0]


def test_missing_cells_are_alike() -> None:
    many = thrice(table(400, a=np.where(np.arange(400) < 3, np.nan, RANDOM.normal(size=400))))
    assert copies(many, DECLARATION)[0] is not None


@pytest.mark.parametrize(
    "plain",
    [table(50), table(5000, a=RANDOM.integers(0, 3, 5000)), pa.table({"y": [0, 1, 0]})],
    ids=["no two alike", "coarse columns", "nothing to compare"],
)
def test_likeness_by_chance_is_none(plain: pa.Table) -> None:
    assert copies(plain, DECLARATION) == (None, ())


def test_a_given_split_that_parts_copies_is_told_of() -> None:
    found = ["a", "a", "b", "c", "c"]
    splits = np.array(["train", "eval", "eval", "eval", "eval"], object)
    assert "1 evaluation row stands" in copies_on_both_sides(found, splits)[0]
    assert copies_on_both_sides(found, np.array(["train", "train", "eval", "eval", "eval"], object)) == []
    assert copies_on_both_sides(None, splits) == []
