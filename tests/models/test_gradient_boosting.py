"""What the trees are trained on."""

import lightgbm
import numpy as np

from solutionkit.models.gradient_boosting import off_the_grid, without_rounding_noise


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
