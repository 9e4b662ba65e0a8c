import pyarrow as pa
import pytest

from solutionkit.cells import as_text, is_number, nested_problems, shortened


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1.0, 2.0, None], ["1", "2", None]),
        ([1.0, 2.5], ["1", "2.5"]),
        ([2.0**60], [str(2.0**60)]),
        ([True, None], ["true", None]),
        ([7], ["7"]),
    ],
)
def test_whole_numbers_lose_their_point(values: list, texts: list) -> None:
    found = as_text(pa.chunked_array([values])).to_pylist()
    assert [value if value is None else value.lower() for value in found] == [
        value if value is None else value.lower() for value in texts
    ]


def test_numbers_are_decimal() -> None:
    texts = ["1", "-2.5", "+3e-4", ".5", "5.", "0x1", "nan", "1,5", "", "1e", " 1"]
    assert is_number(pa.chunked_array([texts])).to_pylist() == [True] * 5 + [False] * 6


def test_cells_must_be_one_value_each() -> None:
    table = pa.table({"tags": [["a"], []], "plain": [1, 2]})
    (problem,) = nested_problems(table, ["plain", "tags", "tags", "absent"])
    assert (problem.code, problem.column) == ("nested_cells", "tags")


def test_long_texts_are_cut() -> None:
    assert shortened("x" * 60) == "x" * 60
    assert shortened("x" * 61) == "x" * 59 + "…"
