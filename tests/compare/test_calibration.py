import numpy as np
import pytest

from solutionkit.compare.calibration import calibration, wilson

RANDOM = np.random.default_rng(0)


def test_true_probabilities_are_calibrated() -> None:
    scores = RANDOM.random(20_000)
    labels = (RANDOM.random(20_000) < scores).astype(int)
    found = calibration(labels, scores)
    assert found["expected_calibration_error"] < 0.02
    assert [item["n"] for item in found["bins"]] == [2000] * 10
    inside = [item["low"] <= item["predicted"] <= item["high"] for item in found["bins"]]
    assert sum(inside) >= 8


def test_a_constant_gap_is_found() -> None:
    labels = (RANDOM.random(20_000) < 0.3).astype(int)
    found = calibration(labels, np.full(20_000, 0.5))
    assert found["expected_calibration_error"] == pytest.approx(0.2, abs=0.01)
    assert len(found["bins"]) == 1


def test_wilson_stays_within_bounds() -> None:
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    low, high = wilson(50, 100)
    assert (low, high) == (pytest.approx(0.4038, abs=1e-4), pytest.approx(0.5962, abs=1e-4))
