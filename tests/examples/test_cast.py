import pyarrow as pa
import pytest

from solutionkit.examples.cast import cast
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature
from solutionkit.kinds.numeric import to_numbers
from solutionkit.tasks.classification.task import Classification

SPEC = TableSpec(
    Classification("y", ("no", "yes")),
    (Feature("size", "numeric"), Feature("colour", "categorical", ("red",))),
    "id",
)


def table(**changed: list[object]) -> pa.Table:
    columns: dict[str, list[object]] = {
        "id": ["a", "b"],
        "size": ["1", None],
        "colour": ["red", "blue"],
        "y": ["no", "yes"],
    }
    return pa.table({**columns, **changed})


def test_a_fitting_table() -> None:
    typed, problems = cast(table(), SPEC)
    assert problems == []
    assert typed.to_pydict() == {
        "size": [1.0, None],
        "colour": ["red", "blue"],
        "id": ["a", "b"],
        "y": [0, 1],
    }


def test_rows_to_predict_need_neither_label_nor_id() -> None:
    typed, problems = cast(table().select(["size", "colour"]), SPEC, labelled=False)
    assert problems == []
    assert typed.column_names == ["size", "colour"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"size": ["1", "huge"]}, "row 2: 'huge'"),
        ({"y": ["no", "maybe"]}, "unknown values ('maybe')"),
        ({"y": ["no", None]}, "missing in 1 rows (row 2"),
    ],
)
def test_bad_cells_are_named_by_line(changed: dict[str, list[object]], expected: str) -> None:
    _, problems = cast(table(**changed), SPEC)
    assert len(problems) == 1
    assert expected in str(problems[0])


def test_missing_columns_suggest_the_nearest_name() -> None:
    _, problems = cast(table().rename_columns(["id", "sizes", "colour", "y"]), SPEC)
    assert [str(item) for item in problems] == ["the column 'size' is missing (did you mean 'sizes'?)"]
    assert (problems[0].code, problems[0].column) == ("missing_column", "size")


def test_numbers_of_any_kind_with_nan_as_missing() -> None:
    numbers, problems = to_numbers(pa.chunked_array([[1.5, float("nan")]]), "a")
    assert (numbers.to_pylist(), problems) == ([1.5, None], [])
    numbers, problems = to_numbers(pa.chunked_array([["NA", "-", "7"]]), "a")
    assert (numbers.to_pylist(), problems) == ([None, None, 7.0], [])
    for cells in (["1", "inf"], [1.0, float("-inf")], ["1", "1e39"]):
        numbers, problems = to_numbers(pa.chunked_array([cells]), "a")
        assert numbers.to_pylist() == [1.0, None]
        assert "row 2" in str(problems[0])
        assert problems[0].rows == (1,)
    _, problems = to_numbers(pa.chunked_array([[[1], [2]]]), "a")
    assert "not numbers" in str(problems[0])


@pytest.mark.parametrize("name", ["id", "size", "colour", "y"])
def test_lists_are_no_cells(name: str) -> None:
    _, problems = cast(table(**{name: [["a"], ["b"]]}), SPEC)
    assert len(problems) == 1
    assert f"the column '{name}' holds list<item: string>" in str(problems[0])
