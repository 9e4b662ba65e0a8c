"""Sets hold the true class as often as promised: of rows, of whole patients, of each class."""

import numpy as np
import pytest

from solutionkit.tasks.diagnosis.conformal import class_levels, covered_units, referred, sets


def scores(labels: np.ndarray, random: np.random.Generator, shift: np.ndarray | float = 0.0) -> np.ndarray:
    odds = np.where(labels == 1, 1.2, -1.2) + random.normal(size=len(labels)) + shift
    positive = 1.0 / (1.0 + np.exp(-odds))
    return np.stack([1.0 - positive, positive], axis=1)


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_each_class_is_covered_as_often_as_promised(coverage: float) -> None:
    random = np.random.default_rng(1)
    found = np.zeros(2)
    for _ in range(200):
        labels = (random.random(300) < 0.2).astype(int)
        levels = class_levels(labels, scores(labels, random), None, coverage)
        new = (random.random(300) < 0.2).astype(int)
        inside = sets(scores(new, random), levels)[np.arange(300), new]
        found += [inside[new == 0].mean(), inside[new == 1].mean()]
    # Of some tens of positive rows the promise is kept a little too well.
    assert np.abs(found / 200 - coverage).max() < 0.02


def test_whole_patients_are_covered_though_their_pictures_resemble_each_other() -> None:
    random = np.random.default_rng(2)
    by_patient, by_row = [], []
    for _ in range(150):
        ill = (random.random(240) < 0.5).astype(int)
        labels, units = np.repeat(ill, 4), np.repeat(np.arange(240), 4)
        said = scores(labels, random, np.repeat(random.normal(size=240), 4))
        known = units < 120
        for kept, codes in ((by_patient, units[known]), (by_row, None)):
            levels = class_levels(labels[known], said[known], codes, 0.9)
            covered, pairs = covered_units(labels[~known], said[~known], levels, units[~known])
            assert len(covered) == 120
            assert pairs.max() == 119
            kept.append(covered.mean())
    assert abs(np.mean(by_patient) - 0.9) < 0.02
    # Rows that count one by one promise too much of patients.
    assert np.mean(by_row) < 0.85


def test_too_few_to_promise_anything_leave_every_class_possible() -> None:
    labels = np.array([0] * 50 + [1] * 5)
    levels = class_levels(labels, scores(labels, np.random.default_rng(3)), None, 0.9)
    assert levels[1] == 0.0 < levels[0]
    assert class_levels(np.zeros(30, int), np.full((30, 2), 0.5), None, 0.9)[1] == 0.0


def test_rows_are_referred_where_not_one_class_is_possible() -> None:
    said = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.65, 0.35]])
    assert referred(said, [0.4, 0.4]).tolist() == [False, True, False, False]
    assert referred(said, [0.7, 0.7]).tolist() == [False, True, False, True]
