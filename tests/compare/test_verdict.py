import pytest

from solutionkit.compare.inference import Difference, Spread
from solutionkit.compare.verdict import judge


def verdict(value: float, error: float, margin: float = 0.005, higher: bool = True, units: int = 1000) -> str:
    found = judge("M", Difference(value, Spread(error, units)), margin, higher, "row", units)
    assert "M, deep minus baseline, is" in found.reason
    return found.verdict


@pytest.mark.parametrize(
    ("value", "error", "higher", "expected"),
    [
        (0.02, 0.005, True, "deep"),
        (-0.02, 0.005, True, "baseline"),
        (-0.02, 0.005, False, "deep"),
        (0.02, 0.005, False, "baseline"),
        (0.02, 0.02, True, "undecided"),
        (0.0, 0.001, True, "equivalent"),
    ],
)
def test_verdicts(value: float, error: float, higher: bool, expected: str) -> None:
    assert verdict(value, error, higher=higher) == expected


def test_a_million_rows_do_not_make_a_trifle_matter() -> None:
    """Ten thousandths of ROC-AUC, shown beyond all doubt, are still no reason to ship a hundred times the work."""
    assert verdict(0.0005, 0.00005) == "equivalent"
    assert verdict(0.0005, 0.00005, margin=0.0001) == "deep"


def test_cannot_tell_is_not_equal() -> None:
    found = judge("M", Difference(0.001, Spread(0.01, 400)), 0.005, True, "row", 400)
    assert found.verdict == "undecided"
    assert "about 13,000 rows in evaluation would tell a difference of 0.005" in found.reason


@pytest.mark.parametrize("units", [1, 5])
def test_few_units_give_no_verdict_however_small_the_error_is(units: int) -> None:
    found = judge("M", Difference(0.0107, Spread(1e-9, units)), 0.005, True, "group", 300)
    assert found.verdict == "undecided"
    assert f"{units} unit" in found.reason
    assert "by 'group'" in found.reason
    assert "6 at least are needed" in found.reason


def test_more_rows_do_not_lessen_chance_in_learning() -> None:
    """How many rows would tell is counted by the rows' own error, and that learning stays is said."""
    by_rows = Difference(0.002, Spread(0.01, 100))
    whole = by_rows.varied_by(Spread(0.03, 100, 6.0))
    alone = judge("AUC", by_rows, 0.005, True, "row", 1000)
    found = judge("AUC", whole, 0.005, True, "row", 1000, by_rows)
    assert (alone.verdict, found.verdict) == ("undecided", "undecided")
    rows = alone.reason.split("about ")[1].split(" in evaluation")[0]
    assert f"about {rows} in evaluation" in found.reason
    assert "but for chance in learning" in found.reason
    assert "but for chance" not in alone.reason
