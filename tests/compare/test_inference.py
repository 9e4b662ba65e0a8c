"""Few units, intervals at a bound, and several tests at once."""

import math

import numpy as np
import pytest
from scipy import stats

from solutionkit.compare.inference import Difference, Spread, holm


def test_few_units_have_students_interval() -> None:
    found = Difference(0.02, Spread(0.01, 8, 7.0))
    half = stats.t.isf(0.025, 7) * 0.01
    assert found.interval() == pytest.approx((0.02 - half, 0.02 + half))
    assert found.p_value == pytest.approx(2 * stats.t.sf(2.0, 7))
    assert found.p_value > 2 * stats.norm.sf(2.0)


@pytest.mark.parametrize("value", np.linspace(-0.05, 0.05, 21))
def test_interval_and_p_value_never_contradict_each_other(value: float) -> None:
    found = Difference(float(value), Spread(0.012, 9, 8.0))
    low, high = found.interval()
    assert (found.p_value < 0.05) == (not low <= 0.0 <= high)


def test_fewer_than_six_units_tell_nothing() -> None:
    assert not Difference(1.0, Spread(1e-9, 5)).tells
    assert not Difference(0.0, Spread(1e-9, 5)).within(0.5)
    assert Difference(1.0, Spread(1e-9, 6)).tells


def test_equivalence_is_two_one_sided_tests() -> None:
    spread = Spread(0.001, 1000)
    assert Difference(0.0030, spread).within(0.005)
    assert not Difference(0.0034, spread).within(0.005)
    # An interval of 95 % would reach beyond the margin; that of the two tests has 90 %.
    assert 0.0032 + 1.96 * 0.001 > 0.005 > 0.0032 + 1.645 * 0.001
    assert Difference(0.0032, spread).within(0.005)


def test_what_so_many_units_would_tell() -> None:
    found = Difference(0.0, Spread(0.01, 100))
    assert found.detectable == pytest.approx(0.028, abs=1e-3)
    assert found.times_needed(0.005) == pytest.approx((0.028 / 0.005) ** 2, rel=0.01)


def test_all_right_leaves_room_for_what_was_not_seen() -> None:
    perfect = Spread(0.0, 10).estimate(1.0, (0.0, 1.0))
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(stats.beta.ppf(0.025, 10, 1))
    wrong = Spread(0.0, 10).estimate(0.0, (0.0, 1.0))
    assert wrong.high == pytest.approx(1.0 - perfect.low)
    # A constant score's ROC-AUC is a half whatever rows there are.
    assert Spread(0.0, 10).estimate(0.5, (0.0, 1.0)).low == 0.5


def test_bounds_other_than_shares() -> None:
    top, bottom = (Spread(0.0, 100).estimate(value, (-1.0, 1.0)) for value in (1.0, -1.0))
    assert (top.low, top.high) == pytest.approx((1.0 - 2 * Spread(0.0, 100).unseen, 1.0))
    assert (bottom.low, bottom.high) == pytest.approx((-1.0, -1.0 + 2 * Spread(0.0, 100).unseen))
    # A spread that was seen counts where it is the wider one.
    assert Spread(0.25, 1000).estimate(1.0, (0.0, 1.0)).low == pytest.approx(1.0 - 1.96 * 0.25, abs=1e-3)


def test_two_sources_of_chance() -> None:
    both = Spread(3.0, 50, 49.0).with_another(Spread(4.0, 8, 7.0), 1.0)
    assert (both.error, both.units) == (pytest.approx(5.0), 8)
    assert 7.0 < both.degrees < 49.0
    assert Spread(3.0, 50, 49.0).with_another(Spread(0.0, 1), 1.0) == Spread(3.0, 50, 49.0)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.0, math.inf)])
def test_intervals_stay_within_bounds(bounds: tuple[float, float]) -> None:
    found = Spread(0.4, 10, 9.0).estimate(0.95, bounds)
    assert bounds[0] < found.low < 0.95 < found.high <= bounds[1]


def test_holm_is_as_statsmodels_has_it() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
