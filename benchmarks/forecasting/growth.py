"""How windows and features grow with the data, beside a plain pandas script that makes lags of every row.

    make setup && .venv/bin/python benchmarks/forecasting/growth.py

Daily series over three years with a price and a promotion. Ours: rows laid on a grid, windows cut, features
of 28 steps of 60,000 windows as trees read them. The script: lags, rolling means and calendar of every row by
`groupby`, one step ahead. Each in a process of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import resource
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa

DAYS, HORIZON = 1096, 28
LAGS, SPANS = (1, 2, 3, 7, 14, 28, 364), (7, 28)


def rows(series: int) -> pa.Table:
    """Sales with a week."""
    random = np.random.default_rng(1)
    dates = np.datetime64("2022-01-01") + np.arange(DAYS)
    count = series * DAYS
    week = np.tile(1.0 + 0.3 * (np.arange(DAYS) % 7 > 4), series)
    return pa.table(
        {
            "unique_id": np.repeat([f"series {number:05d}" for number in range(series)], DAYS),
            "ds": np.tile(dates, series),
            "y": random.poisson(10.0 * week).astype(float),
            "price": random.uniform(1.0, 3.0, count),
            "promotion": (random.random(count) < 0.1).astype(float),
        }
    )


def ours(series: int) -> dict[str, float]:
    """Seconds of each step."""
    from solutionkit.environment import prepare_environment

    prepare_environment()
    from solutionkit.kinds import FUTURE, PAST
    from solutionkit.modalities.series import windows as cutting
    from solutionkit.modalities.series.layout import Layout
    from solutionkit.modalities.series.panel import read_panel
    from solutionkit.models.arrays import TransformedSplit
    from solutionkit.models.series.inputs import Layout as Held
    from solutionkit.models.series.lags import features
    from solutionkit.tasks.forecast.task import Forecast

    table = rows(series)
    layout = Layout(("unique_id",), "ds", "y", ("price", "promotion"))
    clock = [time.monotonic()]
    panel = read_panel(table, layout, "rows").panel
    assert panel is not None
    clock.append(time.monotonic())
    plan = cutting.plan(panel, HORIZON, None, None, 4, None)
    found = cutting.origins(panel, plan, 1)
    cut = cutting.cut(panel, found, plan)
    clock.append(time.monotonic())
    some = TransformedSplit({PAST: cut.past[:60_000], FUTURE: cut.future[:60_000]}, cut.targets[:60_000])
    task = Forecast("y", HORIZON, (0.5,), plan.seasons, panel.frequency.text, True, 10.0)
    past, future = cutting.past_channels(panel), cutting.future_channels(panel)
    held = Held(task, plan.lookback, past, future, (), (), ())
    made = sum(int(features(batch, held).shape[0]) * HORIZON for batch in some.batches(1024))
    clock.append(time.monotonic())
    parts = dict(zip(("grid", "windows", "features"), np.diff(clock), strict=True))
    return {**parts, "rows made": made}


def script(series: int) -> dict[str, float]:
    """Seconds of the plain script."""
    frame = rows(series).to_pandas()
    started = time.monotonic()
    frame = frame.sort_values(["unique_id", "ds"])
    by_series = frame.groupby("unique_id")["y"]
    for lag in LAGS:
        frame[f"lag {lag}"] = by_series.shift(lag)
    for span in SPANS:
        rolled = by_series.transform(lambda values, span=span: values.shift(1).rolling(span).mean())
        frame[f"mean {span}"] = rolled
    dates = pd.to_datetime(frame["ds"]).dt
    frame["weekday"], frame["day"], frame["yearday"] = dates.weekday, dates.day, dates.dayofyear
    return {"features": time.monotonic() - started, "rows made": len(frame)}


def measured(function: str, series: int) -> dict[str, float]:
    """What a function says, with the process's memory in GB."""
    found = globals()[function](series)
    return {**found, "GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}


def main() -> int:
    """Print one table."""
    print(f"{os.cpu_count()} cores, {platform.platform()}\n")
    print("| series x days | rows | what | s | rows of features | million rows a second | GB |")
    print("|---|---|---|---|---|---|---|")
    context = multiprocessing.get_context("spawn")
    for series in (100, 300, 1000):
        for name in ("ours", "script"):
            with context.Pool(1) as pool:
                found = pool.apply(measured, (name, series))
            memory, made = found.pop("GB"), int(found.pop("rows made"))
            seconds = sum(found.values())
            parts = ", ".join(f"{part} {value:.1f}" for part, value in found.items())
            print(
                f"| {series:,} x {DAYS:,} | {series * DAYS:,} | {name}: {parts} | {seconds:.1f} | {made:,} |"
                f" {made / seconds / 1e6:.2f} | {memory:.1f} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
