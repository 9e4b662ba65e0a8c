"""What thresholds mean in care."""

import numpy as np
import pytest
from scipy import stats

from solutionkit.tasks.diagnosis.clinical import (
    Share,
    at_prevalence,
    net_benefit,
    operating_points,
    rates,
    subgroup_gaps,
    threshold_for,
)

LABELS = np.array([0] * 60 + [1] * 40)
SCORES = np.concatenate([np.linspace(0.0, 0.69, 60), np.linspace(0.3, 0.99, 40)])
ALONE = np.arange(100)


def test_intervals_are_exact_of_as_many_patients_as_there_are() -> None:
    right = np.array([1.0] * 45 + [0.0] * 5)
    found = Share.of(right, np.arange(50))
    assert found is not None
    exact = stats.binomtest(45, 50).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.003)
    grouped = Share.of(np.repeat(right, 4), np.repeat(np.arange(50), 4))
    assert grouped is not None
    # Four pictures of a patient tell no more than one.
    assert (grouped.low, grouped.high, grouped.units) == pytest.approx((found.low, found.high, 50))
    assert grouped.effective == pytest.approx(found.effective)
    assert Share.of(np.zeros(0), np.zeros(0, int)) is None
    sure = Share.of(np.ones(10), np.arange(10))
    assert sure is not None
    assert (sure.high, sure.low) == pytest.approx((1.0, 0.025**0.1))


def test_the_threshold_flags_the_share_that_is_asked_for() -> None:
    for wanted in (0.5, 0.9, 0.975):
        threshold = threshold_for(LABELS, SCORES, wanted)
        share = (SCORES[LABELS == 1] >= threshold).mean()
        assert wanted <= share < wanted + 0.03
    assert threshold_for(np.zeros(5, int), np.ones(5), 0.9) == 0.5


def test_operating_points_agree_with_the_roc_curve() -> None:
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(LABELS, SCORES)
    for point in operating_points(LABELS, SCORES, ALONE):
        if point["fixed"] == "specificity":
            assert point["value"] == pytest.approx(true[false <= 1.0 - point["at"] + 1e-9].max())
        else:
            assert point["value"] == pytest.approx(1.0 - false[true >= point["at"] - 1e-9].min())
        assert point["low"] < point["value"] < point["high"]
    assert operating_points(np.zeros(5, int), np.ones(5), np.arange(5)) == []


def test_net_benefit_is_that_of_the_counts() -> None:
    for point in net_benefit(LABELS, SCORES):
        acted = point["at"] <= SCORES
        odds = point["at"] / (1.0 - point["at"])
        true, false = (acted & (LABELS == 1)).sum(), (acted & (LABELS == 0)).sum()
        assert point["model"] == pytest.approx((true - odds * false) / 100)
        assert point["all"] == pytest.approx((40 - odds * 60) / 100)


def test_what_a_flag_means_follows_bayes() -> None:
    told = at_prevalence(0.9, 0.8, 0.01)
    assert told["of_flagged_true"] == pytest.approx(0.009 / (0.009 + 0.2 * 0.99))
    assert told["of_others_true"] == pytest.approx(0.8 * 0.99 / (0.8 * 0.99 + 0.1 * 0.01))
    assert at_prevalence(0.0, 1.0, 0.1)["of_flagged_true"] is None


def test_a_group_that_is_missed_is_flagged_and_equal_ones_are_not() -> None:
    random = np.random.default_rng(4)
    labels, units = random.integers(0, 2, 1200), np.repeat(np.arange(400), 3)
    site = np.repeat(random.choice(["a", "b", "c"], 400), 3)
    flagged = np.where(labels == 1, random.random(1200) < 0.85, random.random(1200) < 0.1)
    assert not any(item["flagged"] for item in subgroup_gaps(labels, flagged, units, {"site": site}))
    missed = flagged & ~((site == "b") & (labels == 1) & (random.random(1200) < 0.5))
    (gap, *_) = [item for item in subgroup_gaps(labels, missed, units, {"site": site}) if item["flagged"]]
    assert (gap["value"], gap["rate"]) == ("b", "sensitivity")
    assert gap["gap"] < -0.3
    told = rates(labels, missed, units)["sensitivity"]
    assert told is not None
    assert 0.6 < told.value < 0.8


@pytest.mark.parametrize(("few", "many", "rate"), [(12, 400, 0.95), (15, 60, 0.5), (40, 40, 0.8)])
def test_gaps_keep_their_level(few: int, many: int, rate: float) -> None:
    random, wrong = np.random.default_rng(5), 0
    site = np.repeat(["a"] * few + ["b"] * many, 3)
    units = np.repeat(np.arange(few + many), 3)
    threshold = stats.norm.ppf(1.0 - rate) * 2.0**0.5
    for _ in range(200):
        hard = np.repeat(random.normal(size=few + many), 3)
        flagged = hard + random.normal(size=len(units)) > threshold
        gaps = subgroup_gaps(np.ones(len(units), int), flagged, units, {"site": site})
        wrong += any(item["flagged"] for item in gaps)
    assert wrong / 200 < 0.09


def test_intervals_hold_where_patients_have_unlike_numbers_of_scans() -> None:
    random, missed = np.random.default_rng(6), 0
    units = np.concatenate([np.repeat(np.arange(3), 20), np.arange(3, 60)])
    for _ in range(300):
        rates_of = random.beta(9.0, 1.0, 60)
        found = Share.of((random.random(len(units)) < rates_of[units]).astype(float), units)
        assert found is not None
        missed += not found.low <= 0.9 <= found.high
    assert missed / 300 < 0.08
