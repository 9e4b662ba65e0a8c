"""Forecasts of public sets beside their reference numbers, without TFX: windows, models, metrics.

    make setup && .venv/bin/python benchmarks/forecasting/run.py <folder of sets> [--sets m3_monthly …]

The folder holds `forecast_m3`, `forecast_tourism`, `forecast_orange_juice`, `forecast_bike_hourly`,
`forecast_etth` and `forecast_etth2`. Models are trained on what comes before the official evaluation and
never see it; once held-out windows have chosen their size, they are fitted again on all of that. Published
figures of ETT leave the validation part out of training.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from solutionkit.declaration import Training
from solutionkit.declaration_parts import QUANTILES
from solutionkit.environment import prepare_environment
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import CATEGORICAL, FUTURE, PAST, Feature
from solutionkit.modalities.series import windows as cutting
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.panel import Panel, read_panel
from solutionkit.models.arrays import TransformedSplit
from solutionkit.splits import EVAL, SPLITS, TRAIN, VALIDATION
from solutionkit.tasks.forecast.task import Forecast

TRAINERS = {"simple": "classical", "baseline": "boosting", "deep": "networks"}
SEED = 20


@dataclass(frozen=True)
class Set:
    """A public set.

    Attributes:
        read: Folder of sets -> rows.
        layout: Which column is what.
        horizon: Steps.
        season: As declared.
        windows: Origins that evaluate.
        step: Between these.
        metric: That of the reference.
        reference: What plain tools get, and what the best ones are wanted to get.
    """

    read: Callable[[Path], pa.Table]
    layout: Layout
    horizon: int
    season: list[int] | None
    windows: int
    metric: str
    reference: str
    step: int | None = None


def competition(file: str) -> Callable[[Path], pa.Table]:
    """Rows of series, steps and values."""
    return lambda folder: pl.read_csv(folder / file).select("series", "t", "value").to_arrow()


def juice(folder: Path) -> pa.Table:
    """Weekly sales of orange juice; price, deal and advertisement are known beforehand."""
    names = ["store", "brand", "week", "units", "price", "deal", "feat"]
    table = pl.read_parquet(folder / "forecast_orange_juice" / "oj.parquet").select(names)
    return table.with_columns(pl.col("store", "brand").cast(pl.String)).to_arrow()


def bikes(folder: Path) -> pa.Table:
    """Hourly rentals with calendar and observed weather."""
    table = pl.read_csv(folder / "forecast_bike_hourly" / "hour.csv")
    when = pl.col("dteday").str.to_datetime() + pl.duration(hours=pl.col("hr"))
    return table.with_columns(when.alias("ds")).select("ds", "cnt", *WEATHER).to_arrow()


def transformer(file: str) -> Callable[[Path], pa.Table]:
    """Hours of seven loads and temperatures, standardised by the training part, up to the official end."""

    def read(folder: Path) -> pa.Table:
        table = pl.read_csv(folder / file)[:14_400]
        known = table[:8640]
        columns = table.columns[1:]
        scaled = [(pl.col(name) - known[name].mean()) / known[name].std(ddof=0) for name in columns]
        long = table.with_columns(scaled).unpivot(index="date", variable_name="series", value_name="y")
        return long.with_columns(pl.col("date").str.to_datetime()).to_arrow()

    return read


WEATHER = ("holiday", "workingday", "weathersit", "temp", "atemp", "hum", "windspeed")
PLAIN, ETT = Layout(("series",), "t", "value"), Layout(("series",), "date", "y")
JUICE = Layout(("store", "brand"), "week", "units", ("price", "deal", "feat"), (), ("store", "brand"))
BIKES = Layout((), "ds", "cnt", WEATHER, zero_gaps=True)
M3, TOURISM = "forecast_m3/m3_{}.csv.gz", "forecast_tourism/tourism_{}.csv.gz"
SETS = {
    "m3_monthly": Set(competition(M3.format("monthly")), PLAIN, 18, [12], 1, "mase", ".905, wanted .87"),
    "m3_quarterly": Set(competition(M3.format("quarterly")), PLAIN, 8, [4], 1, "mase", "1.178, wanted 1.13"),
    "m3_other": Set(competition(M3.format("other")), PLAIN, 8, [1], 1, "mase", "1.917, wanted 1.86"),
    "tourism_monthly": Set(
        competition(TOURISM.format("monthly")), PLAIN, 24, [12], 1, "mase", "1.452, wanted 1.42"
    ),
    "tourism_quarterly": Set(
        competition(TOURISM.format("quarterly")), PLAIN, 8, [4], 1, "mase", "1.515, wanted 1.49"
    ),
    "orange_juice": Set(juice, JUICE, 8, None, 1, "wape", ".502, wanted .48"),
    "bike_hourly": Set(bikes, BIKES, 24, None, 31, "wape", ".235, wanted .235"),
    **{
        f"etth{number}_{horizon}": Set(
            transformer(f"forecast_etth{'' if number == 1 else 2}/ETTh{number}.csv"),
            ETT,
            horizon,
            None,
            2880 - horizon + 1,
            "mse",
            reference,
            step=1,
        )
        for number, horizon, reference in (
            (1, 96, "ridge .375, wanted .365"),
            (1, 24, "ridge .306, wanted .300"),
            (2, 96, "ridge .283, wanted .280"),
            (2, 24, "ridge .168, wanted .168"),
        )
    },
}


def windows_of(item: Set, folder: Path) -> tuple[TableSpec, dict[str, TransformedSplit], Panel]:
    """A set's windows by split, as models read them."""
    panel = read_panel(item.read(folder), item.layout, str(folder)).panel
    assert panel is not None
    plan = cutting.plan(panel, item.horizon, item.season, None, item.windows, item.step)
    found = cutting.origins(panel, plan, SEED)
    cut = cutting.cut(panel, found, plan)
    first = panel.ends.copy()
    evaluated = found.splits == EVAL
    np.minimum.at(first, found.series[evaluated], found.start[evaluated])
    scales = cutting.scales(panel, plan.seasons[0], first)
    label = np.column_stack([cut.targets, *(scale[found.series] for scale in scales)]).astype(np.float32)
    task = Forecast(
        item.layout.value,
        plan.horizon,
        QUANTILES,
        plan.seasons,
        panel.frequency.text,
        bool(np.nanmin(panel.values) >= 0.0),
        float(np.nanmean(np.abs(panel.values))),
    )
    past, future = cutting.past_channels(panel), cutting.future_channels(panel)
    features = [
        Feature(name, CATEGORICAL, tuple(sorted(set(panel.static[name].to_pylist()))))
        for name in panel.static.column_names
    ]
    ids = [
        np.array([feature.domain.index(value) + 2 for value in panel.static[feature.name].to_pylist()])
        for feature in features
    ]
    features += [
        Feature(PAST, PAST, past, shape=cut.past.shape[1:]),
        Feature(FUTURE, FUTURE, future, shape=cut.future.shape[1:]),
    ]
    splits = {}
    for name in SPLITS:
        rows = found.splits == name
        inputs = {PAST: cut.past[rows], FUTURE: cut.future[rows]}
        if ids:
            inputs[CATEGORICAL] = np.stack([codes[found.series[rows]] for codes in ids], axis=1)
        splits[name] = TransformedSplit(inputs, label[rows], found.folds[rows])
    return TableSpec(task, tuple(features)), splits, panel


def value(item: Set, task: Forecast, labels: np.ndarray, outputs: np.ndarray) -> float:
    """The metric of the reference."""
    if item.metric != "mse":
        return task.metrics()[item.metric].value(labels, outputs)
    truth = labels[:, :-2]
    known = ~np.isnan(truth)
    return float(((task.by_step(outputs)[:, :, task.median] - truth)[known] ** 2).mean())


def measure(name: str, folder: Path, models: list[str], training: Training) -> None:
    """Train and judge models of a set, a line each."""
    import importlib

    from solutionkit.models.series.finish import said_of

    item = SETS[name]
    spec, splits, panel = windows_of(item, folder)
    task = spec.task
    assert isinstance(task, Forecast)
    labels = splits[EVAL].label
    said = {}
    for model in models:
        started = time.monotonic()
        train = importlib.import_module(f"solutionkit.models.series.{TRAINERS[model]}").train
        trained = train(splits[TRAIN], splits[VALIDATION], spec, training)
        seconds = time.monotonic() - started
        outputs = said_of(trained.score, splits[EVAL]).reshape(len(labels), -1).astype(np.float64)
        said[model] = outputs
        by_step, truth = task.by_step(outputs), labels[:, :-2]
        low, high = task.intervals[1]
        known = ~np.isnan(truth)
        inside = (truth >= by_step[:, :, low]) & (truth <= by_step[:, :, high])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"| {name} | {len(panel):,} | {len(labels):,} | {model} | {item.metric}"
            f" {value(item, task, labels, outputs):.4f} | {item.reference} |"
            f" {task.metrics()['quantile_loss'].value(labels, outputs):.4f} | {inside[known].mean():.3f} |"
            f" {seconds:.0f} | {memory:.1f} |",
            flush=True,
        )


def main() -> int:
    """Measure the sets that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--models", nargs="*", default=list(TRAINERS), choices=list(TRAINERS))
    parser.add_argument("--preset", default="standard", choices=["quick", "standard"])
    options = parser.parse_args()
    if options.folder is None or not options.folder.is_dir():
        print("skipped: name the folder that holds the public sets")
        return 0
    prepare_environment()
    print(f"{os.cpu_count()} cores, {platform.platform()}, preset {options.preset}\n")
    titles = "set | series | windows | model | metric | reference | quantile loss | 80 % interval | s | GB"
    print(f"| {titles} |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in options.sets:
        measure(name, options.folder, options.models, Training(preset=options.preset, seed=SEED))
    return 0


if __name__ == "__main__":
    sys.exit(main())
