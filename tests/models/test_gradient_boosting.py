"""What the trees are trained on."""

import numpy as np

from solutionkit.models.gradient_boosting import without_rounding_noise


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
