import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from solutionkit.tasks.regression.metrics import VALUES, pinball_metric

REFERENCES = {
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "r2": reference.r2_score,
    "pinball": lambda true, said, sample_weight: reference.mean_pinball_loss(
        true, said, sample_weight=sample_weight, alpha=0.9
    ),
}


@pytest.mark.parametrize("metric", [*VALUES, pinball_metric(0.9)], ids=lambda metric: metric.name)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_weighted_values_equal_scikit_learns(metric, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.normal(100.0, 20.0, 40)
    outputs = (labels + random.normal(0.0, 10.0, 40))[:, None]
    weights = random.integers(0, 4, (3, 40)).astype(float)
    weights[:, :2] = 1.0
    found = metric.function(metric.view.labels(labels), metric.view.scores(outputs), weights)
    expected = [REFERENCES[metric.name](labels, outputs[:, 0], sample_weight=row) for row in weights]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_slice_of_one_value_says_nothing() -> None:
    enough = VALUES[0].view.enough
    assert not enough(np.full(50, 3.0))
    assert not enough(np.arange(5.0))
    assert enough(np.arange(50.0))


def test_large_labels_and_draws_of_equal_ones() -> None:
    random = np.random.default_rng(0)
    labels = (2e6 + random.normal(0, 50, 500)).astype(np.float32)
    outputs = (labels + random.normal(0, 25, 500)).astype(np.float32)[:, None]
    r2 = VALUES[2]
    expected = reference.r2_score(labels.astype(float), outputs[:, 0].astype(float))
    assert r2.value(labels, outputs) == pytest.approx(expected, abs=1e-9)
    assert r2.function(np.zeros(3), np.ones(3), np.ones((1, 3))).tolist() == [0.0]
