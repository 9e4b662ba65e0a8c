"""The Theta method against its formula, step by step."""

import numpy as np
import pytest
import tensorflow as tf

from solutionkit.modalities.series.theta import ALPHAS, theta


def by_formula(values: np.ndarray, horizon: int) -> np.ndarray:
    """Simple exponential smoothing with half the drift, without a season; R. Hyndman, B. Billah (2003)."""
    best = (np.inf, 0.0, 0.0)
    for alpha in ALPHAS:
        losses, top, bottom = [], 0.0, 0.0
        for place, value in enumerate(values):
            if place:
                losses.append((value - top / bottom) ** 2)
            top, bottom = (1 - alpha) * top + value, (1 - alpha) * bottom + 1.0
        best = min(best, (float(np.mean(losses)), alpha, top / bottom))
    _, alpha, level = best
    slope = np.polyfit(np.arange(len(values)), values, 1)[0]
    left = 1 - (1 - alpha) ** len(values)
    return level + 0.5 * slope * (np.arange(horizon) + left / alpha)


def said(values: np.ndarray, season: int, horizon: int, positive: bool = True) -> np.ndarray:
    there = ~np.isnan(values)
    given = [tf.constant(item[None].astype(np.float32)) for item in (np.nan_to_num(values), there)]
    return theta(given[0], given[1], season, horizon, positive).numpy()[0]


def test_without_a_season_it_is_the_formula() -> None:
    values = 50.0 + np.cumsum(np.random.default_rng(0).normal(0.5, 2.0, 40))
    assert said(values, 1, 6) == pytest.approx(by_formula(values, 6), rel=1e-4)


def test_what_was_not_observed_does_not_count() -> None:
    values = 50.0 + np.cumsum(np.random.default_rng(0).normal(0.5, 2.0, 40))
    padded = np.concatenate([np.full(25, np.nan), values])
    assert said(padded, 1, 6) == pytest.approx(said(values, 1, 6), rel=1e-4)


@pytest.mark.parametrize("positive", [True, False])
def test_a_season_comes_again(positive: bool) -> None:
    week = np.array([1.0, 0.5, 0.7, 1.0, 1.2, 1.8, 0.8])
    values = np.tile(week, 6) * 100.0 if positive else np.tile(week * 100.0, 6) - 120.0
    values = values + np.random.default_rng(1).normal(0.0, 0.5, len(values))
    expected = week * 100.0 - (0.0 if positive else 120.0)
    assert said(values, 7, 7, positive) == pytest.approx(expected, abs=3.0)


def test_after_a_long_gap_the_level_is_still_known() -> None:
    values = 50.0 + np.random.default_rng(0).normal(0.0, 0.1, 40)
    assert said(np.concatenate([values, np.full(60, np.nan)]), 1, 3) == pytest.approx(50.0, abs=2.0)


def test_noise_is_no_season() -> None:
    values = np.random.default_rng(2).normal(100.0, 5.0, 42)
    assert np.ptp(said(values, 7, 14)) < 5.0


def test_nothing_observed_gives_a_number() -> None:
    assert np.isfinite(said(np.full(20, np.nan), 7, 3)).all()


def test_what_is_never_negative_is_not_forecast_to_be() -> None:
    assert said(np.linspace(50.0, 0.0, 30), 1, 40).min() >= 0.0
