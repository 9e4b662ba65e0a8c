import pyarrow as pa
import pytest

from solutionkit.examples.columns import Feature, TableSpec
from solutionkit.examples.conform import conform, to_numbers

SPEC = TableSpec(
    "y", ("no", "yes"), (Feature("size", "numeric"), Feature("colour", "categorical", ("red",))), "id"
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
    typed, problems = conform(table(), SPEC)
    assert problems == []
    assert typed.to_pydict() == {
        "size": [1.0, None],
        "colour": ["red", "blue"],
        "id": ["a", "b"],
        "y": [0, 1],
    }


def test_rows_to_predict_need_neither_label_nor_id() -> None:
    typed, problems = conform(table().select(["size", "colour"]), SPEC, labelled=False)
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
    _, problems = conform(table(**changed), SPEC)
    assert len(problems) == 1
    assert expected in problems[0]


def test_missing_columns_suggest_the_nearest_name() -> None:
    _, problems = conform(table().rename_columns(["id", "sizes", "colour", "y"]), SPEC)
    assert problems == ["the column 'size' is missing (did you mean 'sizes'?)"]


def test_numbers_of_any_kind_with_nan_as_missing() -> None:
    numbers, problems = to_numbers(pa.chunked_array([[1.5, float("nan")]]), "a")
    assert (numbers.to_pylist(), problems) == ([1.5, None], [])
    numbers, problems = to_numbers(pa.chunked_array([["NA", "-", "7"]]), "a")
    assert (numbers.to_pylist(), problems) == ([None, None, 7.0], [])
    for cells in (["1", "inf"], [1.0, float("-inf")], ["1", "1e39"]):
        numbers, problems = to_numbers(pa.chunked_array([cells]), "a")
        assert numbers.to_pylist() == [1.0, None]
        assert "row 2" in problems[0]
    _, problems = to_numbers(pa.chunked_array([[[1], [2]]]), "a")
    assert "not numbers" in problems[0]


@pytest.mark.parametrize("name", ["id", "size", "colour", "y"])
def test_lists_are_no_cells(name: str) -> None:
    _, problems = conform(table(**{name: [["a"], ["b"]]}), SPEC)
    assert len(problems) == 1
    assert f"the column '{name}' holds list<item: string>" in problems[0]
