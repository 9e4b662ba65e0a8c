import numpy as np
import pytest

from solutionkit.compare.mcnemar import McNemar


def example(rows: int, only_first: int, only_second: int) -> McNemar:
    first, second = np.ones(rows, bool), np.ones(rows, bool)
    second[:only_first] = False
    first[only_first : only_first + only_second] = False
    return McNemar.of(first, second)


def test_only_rows_that_one_of_them_gets_right_count() -> None:
    found = example(500, 9, 2)
    assert found.p_value == pytest.approx(0.0348, abs=1e-4)  # chi-squared (9 - 2)^2 / 11
    assert found.p_value == pytest.approx(example(20, 9, 2).p_value)
    assert found.p_value == pytest.approx(example(500, 2, 9).p_value)
    assert found.value == pytest.approx(-7 / 500)
    assert found.turned().interval() == pytest.approx(tuple(-end for end in reversed(found.interval())))


@pytest.mark.parametrize(("only_first", "only_second"), [(1, 0), (9, 2), (3, 14)])
def test_the_variance_is_at_the_likeliest_shares(only_first: int, only_second: int) -> None:
    """Found here by search over all shares that have such a difference, not by Tango's equations."""
    rows, found = 44, example(44, only_first, only_second)
    for true in (-0.2, -0.03, 0.1, 0.3):
        share = np.linspace(max(0.0, -true), min(1.0, (1.0 - true) / 2.0), 200_001)[1:-1]
        likelihood = only_first * np.log(share) + only_second * np.log(share + true)
        likelihood += (rows - only_first - only_second) * np.log(1.0 - 2.0 * share - true)
        best = share[np.nanargmax(likelihood)]
        expected = (found.value - true) / np.sqrt((2.0 * best + true - true**2) / rows)
        assert found.score(true) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("rows", [12, 40, 300])
def test_interval_and_p_value_never_contradict_each_other(rows: int) -> None:
    for only_first in range(0, rows // 2, max(rows // 12, 1)):
        for only_second in range(0, rows // 2, max(rows // 12, 1)):
            found = example(rows, only_first, only_second)
            low, high = found.interval()
            assert low <= found.value <= high
            assert (found.p_value < 0.05) == (not low <= 0.0 <= high)


def test_twins_differ_by_no_more_than_so_many_rows_leave_open() -> None:
    twins = example(400, 0, 0)
    low, high = twins.interval()
    assert twins.p_value == 1.0
    assert -0.01 < low < 0.0 < high < 0.01
    assert twins.within(0.01)
    assert not example(40, 0, 0).within(0.01)


def test_one_sided() -> None:
    assert example(200, 40, 5).below(0.005) < 0.001
    assert example(200, 5, 40).below(0.005) > 0.99


def test_where_both_err_alike_not_nothing_is_needed() -> None:
    twins = example(40, 0, 0)
    assert twins.detectable > 0.1
    assert twins.times_needed(0.005) > 100
