import numpy as np

from solutionkit.compare.bootstrap import interval, resamples, two_sided_p
from solutionkit.compare.metrics import paired_draws
from solutionkit.compare.money import value_per_1000
from solutionkit.declaration import Business
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
        flagged = np.ones(400)
        draws = np.concatenate(
            [
                value_per_1000(labels, flagged, weights, 0.5, business)
                for weights in resamples(labels, seed, 300)
            ]
        )
        found = interval(0.0, draws)
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
    found = interval(losses.mean(), draws)
    np.testing.assert_allclose(
        [found.low, found.high], losses.mean() + np.array([-1.96, 1.96]) * spread, rtol=0.03
    )


def test_pairing_cancels_what_both_share() -> None:
    random = np.random.default_rng(0)
    scores = np.clip(0.25 + 0.2 * LABELS + 0.1 * random.normal(size=400), 0.01, 0.99)
    better = np.clip(scores + 0.02 * (LABELS - 0.25), 0.01, 0.99)
    draws = paired_draws(LOG_LOSS, LABELS, [scores[:, None], better[:, None]], seed=0)
    assert (draws[1] - draws[0]).std() < 0.5 * draws[0].std()
    assert two_sided_p(draws[1] - draws[0]) < 0.01


def test_p_value_is_symmetric_and_never_zero() -> None:
    differences = np.random.default_rng(0).normal(size=999)
    assert two_sided_p(differences) == two_sided_p(-differences)
    assert two_sided_p(np.ones(999)) == 2 / 1000
    assert two_sided_p(np.zeros(999)) == 1.0


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
