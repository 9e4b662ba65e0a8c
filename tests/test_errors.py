import pytest

from solutionkit.errors import DataError, Problem, suggestion


def test_a_list_counts_and_names_its_source() -> None:
    one = DataError("rows.csv", [Problem("empty", "the column 'a' is empty", "remove it", "a")])
    assert str(one) == "rows.csv: 1 problem\n  - the column 'a' is empty; remove it"
    two = DataError("rows.csv", (Problem("x", text) for text in ("first", "second")))
    assert str(two).startswith("rows.csv: 2 problems\n  - first\n  - second")
    assert [item.message for item in two.problems] == ["first", "second"]


@pytest.mark.parametrize(
    ("wrong", "told"), [("tenur", " (did you mean 'tenure'?)"), ("xyz", ""), ("TENURE", "")]
)
def test_the_nearest_word_is_suggested(wrong: str, told: str) -> None:
    assert suggestion(wrong, ["tenure", "charge"]) == told
