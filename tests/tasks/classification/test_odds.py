import numpy as np
import pytest
import tensorflow as tf

from solutionkit.tasks.classification.odds import centred_log, log_odds


def test_log_odds_are_finite_at_the_ends() -> None:
    found = log_odds(tf.constant([0.0, 0.5, 0.75, 1.0])).numpy()
    assert np.isfinite(found).all()
    assert found[1:3] == pytest.approx([0.0, np.log(3.0)], abs=1e-6)
    assert found[0] == pytest.approx(-found[3], rel=0.02)


def test_a_class_against_the_mean_of_all() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]], np.float32)
    found = centred_log(tf.constant(probabilities), tf.constant([0, 1])).numpy()
    assert found[0] == pytest.approx(np.log(0.7) - np.log([0.7, 0.2, 0.1]).mean(), abs=1e-6)
    assert np.isfinite(found[1])
    assert found[1] < 0
