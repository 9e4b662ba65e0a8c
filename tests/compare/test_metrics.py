import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from solutionkit.compare.metrics import METRICS

REFERENCES = {
    "roc_auc": reference.roc_auc_score,
    "average_precision": reference.average_precision_score,
    "log_loss": reference.log_loss,
    "brier": reference.brier_score_loss,
}


@pytest.mark.parametrize("name", METRICS)
@given(seed=st.integers(0, 10_000), digits=st.sampled_from([1, 2, 15]))
@settings(max_examples=40, deadline=None)
def test_weighted_values_equal_scikit_learns(name: str, seed: int, digits: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.r_[0, 1, random.integers(0, 2, 40)]
    scores = np.clip(random.random(42).round(digits), 0.01, 0.99)
    weights = random.integers(0, 4, (3, 42)).astype(float)
    weights[:, :2] = 1.0
    found = METRICS[name].function(labels, scores, weights)
    expected = [REFERENCES[name](labels, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert METRICS[name].value(labels, scores) == pytest.approx(REFERENCES[name](labels, scores), abs=1e-9)


def test_directions() -> None:
    assert [name for name, metric in METRICS.items() if metric.higher_is_better] == [
        "roc_auc",
        "average_precision",
    ]
