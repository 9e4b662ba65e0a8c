"""Quantiles moved until they hold."""

import numpy as np
import tensorflow as tf

from solutionkit.models.series.conformal import helpful_shifts, pinball, shifts
from solutionkit.models.series.finish import in_order

QUANTILES = np.array([0.1, 0.5, 0.9])


def windows(seed: int, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, spread, (400, 3))


def test_quantiles_that_are_too_narrow_are_moved_apart() -> None:
    said = np.tile(np.array([-0.2, 0.0, 0.2]), (400, 3, 1))
    found, told = helpful_shifts(QUANTILES, windows(0), said)
    assert told["after"] < told["before"]
    moved = said + found
    fresh = windows(1)
    below = (fresh[:, :, None] <= moved).mean(axis=(0, 1))
    assert np.abs(below - QUANTILES).max() < 0.03
    assert (found[:, 1] == 0.0).all()


def test_quantiles_that_hold_are_left_alone() -> None:
    said = np.tile(np.array([-1.2816, 0.0, 1.2816]), (400, 3, 1))
    found, told = helpful_shifts(QUANTILES, windows(0), said)
    assert not found.any()
    assert told["moved"] == 0.0


def test_steps_that_spread_further_are_moved_further() -> None:
    target = windows(0) * np.array([1.0, 2.0, 4.0])
    found = shifts(QUANTILES, target, np.zeros((400, 3, 1)))
    assert (np.diff(found[:, 2]) > 0.5).all()


def test_one_window_chooses_nothing() -> None:
    found, told = helpful_shifts(QUANTILES, windows(0)[:1], np.zeros((1, 3, 3)))
    assert not found.any()
    assert told == {"moved": 0.0}


def test_a_median_stays_where_it_is() -> None:
    said = tf.constant([[[4.0, 1.0, 0.5, 3.0, 2.0]]])
    assert in_order(said, 2).numpy().tolist() == [[[0.5, 0.5, 0.5, 2.0, 3.0]]]


def test_what_is_not_known_does_not_count() -> None:
    target = windows(0)
    holes = target.copy()
    holes[:200, 0] = np.nan
    said = np.zeros((400, 3, 3))
    losses = pinball(QUANTILES, holes, said)
    assert np.isfinite(losses).all()
    holes[3] = np.nan
    assert np.isnan(pinball(QUANTILES, holes, said)[3])
