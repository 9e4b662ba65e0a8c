"""Metrics of forecasts against plain loops."""

import numpy as np
import pytest

from solutionkit.compare.metrics import estimates
from solutionkit.tasks.forecast.metrics import metrics_of

QUANTILES = (0.1, 0.5, 0.9)
HORIZON, WINDOWS = 4, 9


@pytest.fixture
def windows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    labels = random.gamma(2.0, 3.0, (WINDOWS, HORIZON + 2))
    labels[2, 1] = np.nan
    labels[5, -2:] = np.nan
    said = np.sort(random.gamma(2.0, 3.0, (WINDOWS, HORIZON, len(QUANTILES))), axis=2)
    return labels, said.reshape(WINDOWS, -1)


def value(name: str, labels: np.ndarray, outputs: np.ndarray) -> float:
    return metrics_of(HORIZON, QUANTILES)[name].value(labels, outputs)


def test_values(windows: tuple[np.ndarray, np.ndarray]) -> None:
    labels, outputs = windows
    said = outputs.reshape(WINDOWS, HORIZON, 3)
    missed = total = losses = 0.0
    mase, rmsse, smape = [], [], []
    for row in range(WINDOWS):
        errors, shares = [], []
        for step in range(HORIZON):
            truth = labels[row, step]
            if np.isnan(truth):
                continue
            point = said[row, step, 1]
            errors.append(abs(point - truth))
            shares.append(2 * abs(point - truth) / (abs(truth) + abs(point)))
            missed += abs(point - truth)
            total += abs(truth)
            for place, quantile in enumerate(QUANTILES):
                below = truth - said[row, step, place]
                losses += 2 * max(quantile * below, (quantile - 1) * below) / 3
        smape.append(np.mean(shares))
        if not np.isnan(labels[row, -1]):
            mase.append(np.mean(errors) / labels[row, -2])
            rmsse.append(np.sqrt(np.mean(np.square(errors)) / labels[row, -1]))
    assert value("wape", labels, outputs) == pytest.approx(missed / total)
    assert value("quantile_loss", labels, outputs) == pytest.approx(losses / total)
    assert value("mase", labels, outputs) == pytest.approx(np.mean(mase))
    assert value("rmsse", labels, outputs) == pytest.approx(np.mean(rmsse))
    assert value("smape", labels, outputs) == pytest.approx(np.mean(smape))


@pytest.mark.parametrize("name", ["wape", "mase", "rmsse", "smape", "quantile_loss"])
def test_a_weight_of_two_is_the_window_twice(windows: tuple[np.ndarray, np.ndarray], name: str) -> None:
    labels, outputs = windows
    metric = metrics_of(HORIZON, QUANTILES)[name]
    weights = np.array([[2.0, *[1.0] * (WINDOWS - 1)]])
    doubled = [0, *range(WINDOWS)]
    weighted = metric.function(metric.view.labels(labels), metric.view.scores(outputs), weights)
    assert weighted[0] == pytest.approx(value(name, labels[doubled], outputs[doubled]))


def test_draws_hold_a_window_in_which_something_was_sold() -> None:
    labels = np.ones((40, HORIZON + 2))
    labels[:30, :HORIZON] = 0.0
    outputs = np.full((40, HORIZON * 3), 0.5)
    units = np.arange(40) // 10
    metric = metrics_of(HORIZON, QUANTILES)["wape"]
    found = estimates(metric, labels, {"one": outputs}, 1, units)["one"]
    assert np.isfinite([found.value, found.low, found.high]).all()
    assert not metric.view.enough(labels[:35])
    assert metric.view.enough(labels)


def test_a_window_of_which_nothing_is_known_does_not_count(windows: tuple[np.ndarray, np.ndarray]) -> None:
    labels, outputs = windows
    labels[0, :HORIZON] = np.nan
    for name in ("wape", "mase", "rmsse", "smape", "quantile_loss"):
        assert value(name, labels, outputs) == pytest.approx(value(name, labels[1:], outputs[1:]))


def test_a_series_of_zeros_forecast_as_zeros_has_no_error() -> None:
    labels = np.zeros((3, HORIZON + 2))
    outputs = np.zeros((3, HORIZON * 3))
    assert value("wape", labels, outputs) == 0.0
    assert value("smape", labels, outputs) == 0.0
