import numpy as np
import pytest

from solutionkit.compare import metrics
from solutionkit.compare.bootstrap import Units, resamples
from solutionkit.compare.metrics import paired_draws
from solutionkit.compare.money import row_gains, values_per_1000
from solutionkit.declaration import Business
from solutionkit.tasks.classification.metrics import DETECTION
from solutionkit.tasks.classification.task import Classification

LABELS = np.repeat([0, 1], [300, 100])
LOG_LOSS = Classification("y", ("0", "1")).metrics()["log_loss"]


def test_each_draw_has_all_rows_and_both_classes() -> None:
    for labels in (LABELS, np.repeat([0, 1], [50, 1])):
        for weights in resamples(labels, seed=1, count=50):
            assert (weights.sum(axis=1) == len(labels)).all()
            assert (weights[:, labels == 1].sum(axis=1) > 0).all()


def test_intervals_cover_the_population_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    business = Business(true_positive=60, false_positive=-15)
    truth = 1000 * (0.2 * 60 - 0.8 * 15)
    hits = 0
    for seed in range(100):
        labels = (random.random(400) < 0.2).astype(int)
        at_rest, gains = row_gains(labels, business)
        draws = np.concatenate(
            [
                values_per_1000(at_rest, gains, np.ones(400), weights, np.full(len(weights), 0.5))
                for weights in resamples(labels, seed, 300)
            ]
        )
        found = Units.of(labels, None).spread(draws).estimate(1000 * float((at_rest + gains).mean()))
        hits += found.low <= truth <= found.high
    assert 88 <= hits <= 100


def test_seeded() -> None:
    whole = np.concatenate(list(resamples(LABELS, seed=1, count=20)))
    assert (whole == np.concatenate(list(resamples(LABELS, seed=1, count=20)))).all()
    assert not (whole == np.concatenate(list(resamples(LABELS, seed=2, count=20)))).all()


def test_a_mean_gets_its_textbook_interval() -> None:
    random = np.random.default_rng(0)
    scores = random.uniform(0.1, 0.9, 400)
    draws = paired_draws(LOG_LOSS, LABELS, [scores[:, None]], seed=0)[0]
    losses = -np.log(np.where(LABELS == 1, scores, 1 - scores))
    spread = losses.std() / np.sqrt(400)
    found = Units.of(LABELS, None).spread(draws).estimate(float(losses.mean()))
    np.testing.assert_allclose(
        [found.low, found.high], losses.mean() + np.array([-1.96, 1.96]) * spread, rtol=0.05
    )


def test_pairing_cancels_what_both_share() -> None:
    random = np.random.default_rng(0)
    scores = np.clip(0.25 + 0.2 * LABELS + 0.1 * random.normal(size=400), 0.01, 0.99)
    better = np.clip(scores + 0.02 * (LABELS - 0.25), 0.01, 0.99)
    draws = paired_draws(LOG_LOSS, LABELS, [scores[:, None], better[:, None]], seed=0)
    assert (draws[1] - draws[0]).std() < 0.5 * draws[0].std()


@pytest.mark.parametrize(
    ("strata", "units", "fewest", "degrees"),
    [
        # Rows of one kind, and of two that vary alike.
        (np.zeros(50), None, 50, 49.0),
        (np.repeat([0, 1], 10), None, 10, 18.0),
        # Ten positives among a thousand rows are ten.
        (np.repeat([0, 1], [990, 10]), None, 10, 9.2),
        # Units that hold both kinds do not vary apart.
        (np.tile([0, 1], 60), np.repeat(np.arange(6), 20), 6, 5.0),
        (np.zeros(30), np.zeros(30, int), 1, 1.0),
    ],
)
def test_the_scarcest_kind_of_unit_counts(
    strata: np.ndarray, units: np.ndarray | None, fewest: int, degrees: float
) -> None:
    found = Units.of(strata, units)
    assert (found.fewest, found.degrees) == (fewest, pytest.approx(degrees, abs=0.05))


def test_a_mean_of_few_units_has_its_textbook_error() -> None:
    random = np.random.default_rng(0)
    units = np.repeat(np.arange(7), 9)
    values = random.normal(size=7)[units]
    draws = np.concatenate(
        [weights @ values / weights.sum(axis=1) for weights in resamples(np.zeros(63), 1, 20_000, units)]
    )
    found = Units.of(np.zeros(63), units).spread(draws)
    assert found.error == pytest.approx(values[::9].std(ddof=1) / np.sqrt(7), rel=0.02)
    assert found.degrees == pytest.approx(6.0, abs=0.01)


def test_one_unit_is_no_certainty() -> None:
    """Five groups once put one into evaluation: it was drawn a thousand times, and p was .002."""
    random = np.random.default_rng(0)
    labels, alone = random.integers(0, 2, 80), np.zeros(80, int)
    scores = random.random((80, 1))
    draws = paired_draws(LOG_LOSS, labels, [scores, scores**2], 0, alone)
    found = Units.of(labels, alone).spread(draws[1] - draws[0])
    assert (found.units, found.error > 0.0) == (1, True)


def test_groups_are_drawn_whole_and_widen_the_interval() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), 4)
    # Rows of a group are alike: four of them say hardly more than one.
    scores = np.clip(random.uniform(0.1, 0.9, 100)[groups] + random.normal(0, 0.01, 400), 0.01, 0.99)[:, None]
    labels = random.permutation(np.repeat([0, 1], 50))[groups]
    for weights in resamples(labels, seed=1, count=10, units=groups):
        assert (weights.reshape(len(weights), 100, 4).std(axis=2) == 0).all()
    alone, whole = (paired_draws(LOG_LOSS, labels, [scores], 0, codes)[0].std() for codes in (None, groups))
    assert 1.7 < whole / alone < 2.3


def test_the_error_is_no_less_than_that_of_leaving_out_each_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bootstrap told equal models apart by average precision in 8 % of runs with 30 units of 20 rows."""
    random = np.random.default_rng(3)
    units = np.repeat(np.arange(12), 10)
    labels = (random.random(120) < 0.2).astype(np.int64)
    first, second = random.random((120, 1)), random.random((120, 1))
    metric = next(item for item in DETECTION if item.name == "average_precision")
    left = []
    for unit in range(12):
        rows = units != unit
        values = [metric.value(labels[rows], outputs[rows]) for outputs in (first, second)]
        left.append(values[1] - values[0])
    expected = np.sqrt(11 / 12 * ((np.array(left) - np.mean(left)) ** 2).sum())
    assert metrics.jackknife_error(metric, labels, first, second, units) == pytest.approx(expected)
    # In pieces it is the same.
    monkeypatch.setattr(metrics, "CELLS_AT_ONCE", 500)
    assert metrics.jackknife_error(metric, labels, first, second, units) == pytest.approx(expected)
    found = metrics.difference(metric, labels, first, second, 1, units)
    assert found.spread.error >= expected


def test_units_that_alone_hold_a_class_are_not_left_out() -> None:
    units = np.repeat(np.arange(5), 4)
    labels = (units == 0).astype(np.int64)
    scores = np.random.default_rng(0).random((20, 1))
    metric = DETECTION[0]
    assert metrics.jackknife_error(metric, labels, scores, 1.0 - scores, units) == 0.0
