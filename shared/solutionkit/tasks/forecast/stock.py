"""What forecasts are worth: the quantile to order, and the stock that follows from it.

A unit that is asked for and not there costs `understock_cost`; one that lies over to the next step costs
`overstock_cost`. With these the best stock to have is the quantile understock / (understock + overstock) of
demand (F. Edgeworth, 1888; K. Arrow, T. Harris, J. Marschak, Econometrica 19, 1951). Within a window stock is
filled up to that quantile at each step, and what is left over is there at the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from solutionkit.compare.inference import Difference
from solutionkit.compare.metrics import difference, estimates
from solutionkit.compare.money import worth_metric
from solutionkit.declaration import Business
from solutionkit.declaration_parts import Forecasting
from solutionkit.errors import Problem
from solutionkit.tasks.decisions import Decisions, Scores
from solutionkit.tasks.forecast.layout import steps_of

if TYPE_CHECKING:
    from solutionkit.compare.evaluation import EvaluationSet
    from solutionkit.tasks.forecast.task import Forecast


@dataclass(frozen=True)
class Stock:
    """What happened in windows, `(windows,)` each.

    Attributes:
        short: Units asked for and not there.
        over: Units left over, each step that they lay.
        demand: Units asked for.
        steps: With a known demand.
        in_full: Steps in which all that was asked for was there.
    """

    short: np.ndarray
    over: np.ndarray
    demand: np.ndarray
    steps: np.ndarray
    in_full: np.ndarray

    def cost(self, business: Business) -> np.ndarray:
        """`(windows,)` money."""
        assert business.understock_cost is not None
        assert business.overstock_cost is not None
        money: np.ndarray = business.understock_cost * self.short + business.overstock_cost * self.over
        return money


def ratio_of(business: Business | None) -> float | None:
    """The quantile of demand that is best to have; none where a cost is not declared."""
    if business is None or business.understock_cost is None or business.overstock_cost is None:
        return None
    return business.understock_cost / (business.understock_cost + business.overstock_cost)


def cost_problems(business: Business, forecast: Forecasting | None) -> list[Problem]:
    """Costs that are missing, or that lead to no quantile that is forecast."""
    ratio = ratio_of(business)
    if ratio is None:
        message = "[business] needs understock_cost and overstock_cost"
        return [Problem("missing_key", message, "name both, or leave the table out")]
    if forecast is not None and not forecast.quantiles[0] <= ratio <= forecast.quantiles[-1]:
        message = f"the costs ask for the {ratio:.3g} quantile, which lies outside forecast.quantiles"
        return [Problem("cost_quantile", message, f"add {ratio:.3g} to them")]
    return []


def to_order(quantiles: tuple[float, ...], said: np.ndarray, ratio: float) -> np.ndarray:
    """`(…,)` the quantile at a ratio, between those of `(…, quantiles)` that are known."""
    levels = np.asarray(quantiles)
    place = int(np.clip(np.searchsorted(levels, ratio), 1, len(levels) - 1)) if len(levels) > 1 else 0
    if place == 0:
        only: np.ndarray = np.maximum(said[..., 0], 0.0)
        return only
    below, above = levels[place - 1], levels[place]
    share = float(np.clip((ratio - below) / (above - below), 0.0, 1.0))
    between: np.ndarray = said[..., place - 1] + share * (said[..., place] - said[..., place - 1])
    ordered: np.ndarray = np.maximum(between, 0.0)
    return ordered


def simulated(labels: np.ndarray, wanted: np.ndarray) -> Stock:
    """The stock of each window; steps whose demand is not known pass without any.

    Args:
        labels: `(windows, horizon + 2)`.
        wanted: `(windows, horizon)` the stock to have at each step.
    """
    demand = steps_of(labels)
    left = np.zeros(len(demand))
    short, over, in_full = (np.zeros(len(demand)) for _ in range(3))
    for step in range(demand.shape[1]):
        known = ~np.isnan(demand[:, step])
        stock = np.maximum(left, wanted[:, step])
        asked = np.where(known, demand[:, step], 0.0)
        missing = np.maximum(asked - stock, 0.0)
        left = np.where(known, np.maximum(stock - asked, 0.0), left)
        short += np.where(known, missing, 0.0)
        over += np.where(known, left, 0.0)
        in_full += known & (missing <= 1e-9)
    return Stock(short, over, np.nansum(demand, axis=1), (~np.isnan(demand)).sum(axis=1), in_full)


def stock_decisions(
    task: Forecast, judged: EvaluationSet, scores: Scores, business: Business, seed: int
) -> Decisions:
    """What each model's quantiles lead to.

    Args:
        task: What is forecast.
        judged: The evaluation windows.
        scores: `(windows, outputs)` by model.
        business: With both costs.
        seed: Of the bootstrap.
    """
    ratio = ratio_of(business)
    assert ratio is not None
    stocks = {
        name: simulated(judged.labels, to_order(task.quantiles, task.by_step(item), ratio))
        for name, item in scores.items()
    }
    costs = {name: stock.cost(business)[:, None] for name, stock in stocks.items()}
    mean_steps = float(next(iter(stocks.values())).steps.mean()) or 1.0
    worth = worth_metric(mean_steps)
    estimated = estimates(worth, judged.labels, costs, seed, judged.units)
    told: dict[str, dict[str, Any]] = {}
    for name, stock in stocks.items():
        found = estimated[name]
        told[name] = {
            "threshold": None,
            "quantile": ratio,
            "currency": business.currency,
            "value_per_1000": found.value,
            "low": found.low,
            "high": found.high,
            "service_level": 1.0 - float(stock.short.sum()) / max(float(stock.demand.sum()), 1e-12),
            "in_full": float(stock.in_full.sum()) / max(float(stock.steps.sum()), 1.0),
            "short": float(stock.short.sum()),
            "over": float(stock.over.sum()),
            "outcomes": None,
        }

    def gain(first: str, second: str) -> Difference:
        return difference(worth, judged.labels, costs[first], costs[second], seed, judged.units)

    return Decisions(told, gain, business.currency)
