"""Windows of a few small series, as models read them; made once a session."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import FUTURE, PAST, Feature
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.panel import read_panel
from solutionkit.modalities.series.windows import Plan, cut, future_channels, origins, past_channels, scales
from solutionkit.models.arrays import TransformedSplit
from solutionkit.splits import EVAL, SPLITS
from solutionkit.tasks.forecast.task import Forecast

DAYS, SERIES = 150, 8
PLAN = Plan(horizon=5, lookback=21, seasons=(7,), windows=3, step=5)
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Series:
    """What the models' tests need.

    Attributes:
        spec: What the columns are.
        splits: Windows by split.
    """

    spec: TableSpec
    splits: dict[str, TransformedSplit]


def rows() -> pa.Table:
    """Sales with a week, levels that differ, and offers that double them."""
    random = np.random.default_rng(4)
    tables = []
    for number in range(SERIES):
        offer = (random.random(DAYS) < 0.15).astype(float)
        week = np.array([1.0, 0.8, 0.9, 1.0, 1.3, 1.6, 0.4])[np.arange(DAYS) % 7]
        sales = random.poisson(5.0 * (number + 1) * week * (1.0 + offer))
        tables.append(
            pa.table(
                {
                    "item": [f"item {number}"] * DAYS,
                    "ds": pa.array(np.datetime64("2024-01-01") + np.arange(DAYS)),
                    "sales": sales.astype(float),
                    "offer": offer,
                    "weather": random.normal(size=DAYS),
                }
            )
        )
    return pa.concat_tables(tables)


@pytest.fixture(scope="session")
def series() -> Series:
    layout = Layout(("item",), "ds", "sales", known=("offer",), past=("weather",))
    panel = read_panel(rows(), layout, "sales.csv").panel
    assert panel is not None
    found = origins(panel, PLAN, seed=1)
    windows = cut(panel, found, PLAN)
    first = np.full(len(panel), DAYS - PLAN.windows * PLAN.horizon)
    absolute, squared = scales(panel, 7, first)
    label = np.column_stack([windows.targets, absolute[found.series], squared[found.series]])
    past, future = past_channels(panel), future_channels(panel)
    task = Forecast("sales", PLAN.horizon, QUANTILES, PLAN.seasons, panel.frequency.text, True, 20.0)
    spec = TableSpec(
        task,
        (
            Feature(PAST, PAST, past, shape=(PLAN.lookback, len(past))),
            Feature(FUTURE, FUTURE, future, shape=(PLAN.horizon, len(future))),
        ),
    )
    splits = {}
    for name in SPLITS:
        rows_of = found.splits == name
        inputs = {PAST: windows.past[rows_of], FUTURE: windows.future[rows_of]}
        splits[name] = TransformedSplit(inputs, label[rows_of].astype(np.float32), found.folds[rows_of])
    assert len(splits[EVAL]) == SERIES * PLAN.windows
    return Series(spec, splits)
