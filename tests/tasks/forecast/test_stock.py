"""Orders and the stock that follows from them, against a plain simulation."""

import numpy as np
import pytest

from solutionkit.compare.evaluation import Circumstances, EvaluationSet
from solutionkit.declaration import Business
from solutionkit.tasks.forecast.stock import simulated, stock_decisions, to_order
from solutionkit.tasks.forecast.task import Forecast

BUSINESS = Business(understock_cost=3.0, overstock_cost=1.0)
TASK = Forecast("sales", horizon=5, quantiles=(0.1, 0.5, 0.9))


def test_the_quantile_to_order_lies_between_those_that_are_known() -> None:
    said = np.array([[10.0, 20.0, 40.0]])
    assert to_order((0.1, 0.5, 0.9), said, 0.5) == [20.0]
    assert to_order((0.1, 0.5, 0.9), said, 0.7) == pytest.approx([30.0])
    assert to_order((0.1, 0.5, 0.9), said, 0.99) == [40.0]
    assert to_order((0.5,), said[:, :1], 0.8) == [10.0]


def test_stock_that_is_left_over_is_there_at_the_next_step() -> None:
    random = np.random.default_rng(2)
    labels = np.concatenate([random.integers(0, 9, (7, 5)).astype(float), np.ones((7, 2))], axis=1)
    labels[3, 2] = np.nan
    wanted = random.uniform(0, 9, (7, 5))
    found = simulated(labels, wanted)
    for row in range(7):
        left = short = over = 0.0
        for step in range(5):
            if np.isnan(labels[row, step]):
                left = max(left, 0.0)
                continue
            stock = max(left, wanted[row, step])
            short += max(labels[row, step] - stock, 0.0)
            left = max(stock - labels[row, step], 0.0)
            over += left
        assert found.short[row] == pytest.approx(short)
        assert found.over[row] == pytest.approx(over)


def test_the_better_forecast_is_worth_more() -> None:
    random = np.random.default_rng(3)
    demand = random.poisson(20.0, (60, 5)).astype(float)
    labels = np.concatenate([demand, np.ones((60, 2))], axis=1)
    right = np.repeat(np.array([[14.0, 20.0, 26.0]]), 5, axis=0).reshape(1, -1).repeat(60, axis=0)
    judged = EvaluationSet(TASK, labels, labels, 0, circumstances=Circumstances(np.arange(60) // 2))
    found = stock_decisions(TASK, judged, {"baseline": right * 2.0, "deep": right}, BUSINESS, 1)
    assert found.told["deep"]["value_per_1000"] > found.told["baseline"]["value_per_1000"]
    assert found.told["deep"]["quantile"] == 0.75
    assert found.gain is not None
    gain = found.gain("baseline", "deep")
    expected = found.told["deep"]["value_per_1000"] - found.told["baseline"]["value_per_1000"]
    assert gain.value == pytest.approx(expected)
    assert gain.p_value < 0.05


def test_no_money_without_both_costs() -> None:
    labels = np.ones((4, 7))
    judged = EvaluationSet(TASK, labels, labels, 0)
    only = Business(understock_cost=3.0)
    assert TASK.decisions(judged, {"deep": np.ones((4, 15))}, {}, only, 1).gain is None
