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


def test_what_chance_shows_of_perfect_probabilities_is_told() -> None:
    """Of 300 rows perfect probabilities show a mean gap of .05, which is no fault."""
    gaps, highs = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        scores = random.random(300)
        found = calibration((random.random(300) < scores).astype(int), scores)
        gaps.append(found["expected_calibration_error"])
        highs.append(found["by_chance"]["high"])
        assert found["by_chance"]["mean"] == pytest.approx(0.055, abs=0.015)
    assert (np.array(gaps) < highs).mean() >= 0.85


def test_parts_of_the_brier_score() -> None:
    scores = RANDOM.random(4000)
    labels = (RANDOM.random(4000) < scores).astype(int)
    perfect, bent = calibration(labels, scores)["corp"], calibration(labels, scores**3)["corp"]
    for found, said in ((perfect, scores), (bent, scores**3)):
        parts = found["miscalibration"] - found["discrimination"] + found["uncertainty"]
        assert parts == pytest.approx(np.mean((said - labels) ** 2))
    assert perfect["miscalibration"] < 0.005 < 0.03 < bent["miscalibration"]
    # What a monotone change cannot take away.
    assert bent["discrimination"] == pytest.approx(perfect["discrimination"], abs=1e-9)


@pytest.mark.parametrize("power", [1, 3])
def test_the_curve_leaves_its_band_where_probabilities_are_wrong(power: int) -> None:
    scores = RANDOM.random(4000)
    labels = (RANDOM.random(4000) < scores).astype(int)
    curve = calibration(labels, scores**power)["corp"]["curve"]
    outside = np.mean([not point["low"] <= point["observed"] <= point["high"] for point in curve])
    assert (outside < 0.3) == (power == 1)


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
