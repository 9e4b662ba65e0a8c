import numpy as np
import pytest

from solutionkit.explain import summary
from solutionkit.explain.attribution import Attribution

COLUMNS = ["a", "b", "c"]
VALUES = np.array([[1.0, -3.0, 0.0], [2.0, 3.0, 0.5]])
FOUND = Attribution(VALUES, base=np.full(2, 0.5), output=np.array([-1.5, 6.1]))


def test_ranking_and_residual() -> None:
    assert [item["column"] for item in summary.ranking(FOUND, COLUMNS)] == ["b", "a", "c"]
    assert sum(item["share"] for item in summary.ranking(FOUND, COLUMNS)) == pytest.approx(1.0)
    assert summary.residual(FOUND)["max_abs"] == pytest.approx(0.1)


def test_dependence_of_numbers_and_categories() -> None:
    values = {"a": np.array([7.0, np.nan]), "b": np.array(["x", ""], object), "c": np.array([1.0, 2.0])}
    found = summary.dependence(FOUND, COLUMNS, values, summary.strongest([FOUND, FOUND], COLUMNS))
    assert found["a"] == {"kind": "numeric", "values": [7.0], "effects": [1.0], "missing_effect": 2.0}
    assert {group["value"]: group["mean"] for group in found["b"]["groups"]} == {"missing": 3.0, "x": -3.0}


def test_agreement_of_a_model_with_itself_and_with_its_opposite() -> None:
    same = summary.agreement(FOUND, FOUND, COLUMNS)
    assert (same["rank_correlation"], same["row_correlation"]) == (pytest.approx(1.0), pytest.approx(1.0))
    opposite = Attribution(-VALUES, np.zeros(2), FOUND.output)
    assert summary.agreement(FOUND, opposite, COLUMNS)["row_correlation"] == pytest.approx(-1.0)


def test_a_model_that_tells_all_rows_the_same_agrees_with_nothing() -> None:
    """Too few rows to split leave trees without a contribution, and JSON has no NaN."""
    nothing = Attribution(np.zeros_like(VALUES), np.zeros(2), np.zeros(2))
    found = summary.agreement(nothing, FOUND, COLUMNS)
    assert (found["rank_correlation"], found["row_correlation"]) == (None, None)


def test_contributions_of_one_row() -> None:
    values = {
        "a": np.array([0.1, 0.2], np.float32),
        "b": np.array(["x", ""], object),
        "c": np.array([np.nan, 1.0]),
    }
    found = summary.contributions(0, {"baseline": FOUND, "deep": FOUND}, COLUMNS, values)
    assert found[0] == {"column": "b", "value": "x", "baseline": -3.0, "deep": -3.0}
    assert found[1]["value"] == 0.1
    assert found[2]["value"] is None
