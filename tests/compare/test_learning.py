"""What chance there is in learning widens an interval."""

from __future__ import annotations

import numpy as np
import pytest

from solutionkit.compare.inference import Difference, Spread
from solutionkit.compare.learning import Learning
from solutionkit.compare.mcnemar import McNemar


def folds(true: np.ndarray, error: float, seed: int) -> list[Difference]:
    noise = np.random.default_rng(seed).normal(0.0, error, len(true))
    return [Difference(float(value), Spread(error, 100)) for value in true + noise]


def test_folds_that_differ_as_their_rows_explain_add_nearly_nothing() -> None:
    found = [Learning.of_folds(folds(np.zeros(7), 0.01, seed)).error for seed in range(200)]
    assert np.median(found) == 0.0
    assert np.sqrt(np.mean(np.square(found))) < 0.004


def test_what_learning_varies_is_found_and_shared_by_the_bag() -> None:
    random = np.random.default_rng(0)
    squares = [
        Learning.of_folds(folds(random.normal(0.0, 0.02, 7), 0.01, seed)).error ** 2 for seed in range(400)
    ]
    assert np.sqrt(np.mean(squares)) == pytest.approx(0.02 / np.sqrt(7), rel=0.15)


def test_models_that_seeds_tell_apart_are_not_told_apart_by_rows_alone() -> None:
    measured = Difference(0.01, Spread(0.003, 1000))
    assert measured.p_value < 0.01
    learning = Learning.of_seeds([0.01, -0.02, 0.015])
    assert learning.added_to(measured).p_value > 0.3
    assert learning.ahead(higher_is_better=True) == 2
    assert learning.ahead(higher_is_better=False) == 1


def test_accuracies_count_it_too() -> None:
    measured = McNemar.of(np.tile([True, False], 100), np.tile([True, True], 100))
    nothing, much = Spread(0.0, 200, 2.0), Spread(0.3, 200, 2.0)
    assert measured.varied_by(nothing) is measured
    low, high = measured.varied_by(much).interval()
    assert low < measured.interval()[0] < measured.interval()[1] < high
