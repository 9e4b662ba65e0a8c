"""Values, thresholds and boosters as their text is changed."""

import lightgbm
import numpy as np
import pytest

from solutionkit.models.booster_text import mean_of, off_the_grid, without_rounding_noise
from solutionkit.models.tree_scores import predictions
from solutionkit.models.trees import read_forest


def test_scores_a_rounding_apart_become_one() -> None:
    value = np.float32(1.2345)
    near = np.nextafter(value, np.float32(2))
    values = np.array([value, near, np.nan, -0.5, near, 3.0], np.float64)
    found = without_rounding_noise(values)
    assert len(np.unique(found[~np.isnan(found)])) == 3
    assert np.isnan(found[2])
    np.testing.assert_allclose(found, values, rtol=1e-6)


def test_different_values_stay_apart() -> None:
    values = np.random.default_rng(0).normal(size=5_000).astype(np.float32).astype(np.float64)
    apart = np.round(values, 4)
    np.testing.assert_array_equal(without_rounding_noise(apart), apart)


def test_a_column_without_values() -> None:
    assert np.isnan(without_rounding_noise(np.full(3, np.nan))).all()


def test_no_threshold_stays_in_the_middle_of_two_training_values() -> None:
    random = np.random.default_rng(0)
    # Prices in steps of 0.05, of which training never sees every third, and a category.
    steps = random.integers(0, 400, 4_000)
    price = np.where(steps % 3 == 1, steps + 1, steps) * 0.05
    price[:50] = np.nan
    category = random.integers(0, 6, 4_000)
    matrix = np.stack([price, category], axis=1).astype(np.float64)
    label = (np.nan_to_num(price) + 3 * (category % 2) + random.normal(size=4_000)) > 10
    data = lightgbm.Dataset(matrix, label, categorical_feature=[1], params={"verbosity": -1})
    before = lightgbm.train({"objective": "binary", "verbosity": -1, "num_leaves": 15}, data, 30)
    after = lightgbm.Booster(model_str=off_the_grid(before.model_to_string(), matrix))
    np.testing.assert_array_equal(before.predict(matrix), after.predict(matrix))

    unseen = np.stack([np.arange(400) * 0.05, np.zeros(400)], axis=1)
    nudged = [unseen + np.array([step, 0]) for step in (-1e-9, 1e-9)]
    assert not np.array_equal(before.predict(nudged[0]), before.predict(nudged[1]))
    np.testing.assert_array_equal(after.predict(nudged[0]), after.predict(nudged[1]))


@pytest.mark.parametrize(("objective", "outputs"), [("binary", 1), ("regression", 1), ("multiclass", 3)])
def test_the_mean_of_boosters_is_one_booster(objective: str, outputs: int) -> None:
    random = np.random.default_rng(0)
    matrix = np.stack([random.normal(size=900), random.integers(0, 5, 900), random.normal(size=900)], axis=1)
    matrix[::7, 0] = np.nan
    label = random.integers(0, max(outputs, 2), 900)
    settings = {"objective": objective, "verbosity": -1, "num_leaves": 6, "min_data_in_leaf": 5}
    settings |= {"num_class": outputs} if outputs > 1 else {}
    data = lightgbm.Dataset(matrix, label, categorical_feature=[1], params={"verbosity": -1}).construct()
    # Of different lengths, as early stopping leaves them.
    boosters = [
        lightgbm.train({**settings, "seed": seed}, data.subset(np.arange(seed, 900, 3)), 5 + 4 * seed)
        for seed in range(3)
    ]
    whole = mean_of([lightgbm.Booster(model_str=booster.model_to_string()) for booster in boosters])
    expected = np.mean([booster.predict(matrix, raw_score=True) for booster in boosters], axis=0)
    np.testing.assert_allclose(whole.predict(matrix, raw_score=True), expected, atol=1e-12)
    contributions = np.mean([booster.predict(matrix, pred_contrib=True) for booster in boosters], axis=0)
    np.testing.assert_allclose(whole.predict(matrix, pred_contrib=True), contributions, atol=1e-9)
    scored = predictions(read_forest(whole), matrix).numpy()
    np.testing.assert_allclose(scored, whole.predict(matrix).reshape(len(matrix), -1), atol=1e-9)
    again = lightgbm.Booster(model_str=whole.model_to_string())
    np.testing.assert_array_equal(again.predict(matrix), whole.predict(matrix))
