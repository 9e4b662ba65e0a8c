"""Classical forecasts of statsforecast beside the simple model of ours, by MASE on the same last steps.

    uv run --with statsforecast --with polars benchmarks/forecasting/beside.py <folder of sets> [--sets …]

statsforecast fits each whole series by itself; it is no part of solutionkit's environment, because what it
fits cannot be served as a SavedModel that takes windows of any series. `run.py --models simple` tells ours.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from statsforecast import StatsForecast
from statsforecast.models import AutoETS, AutoTheta, SeasonalNaive

# Horizon and season of a set.
SETS = {
    "m3_monthly": (18, 12),
    "m3_quarterly": (8, 4),
    "m3_other": (8, 1),
    "tourism_monthly": (24, 12),
    "tourism_quarterly": (8, 4),
}


def mase(past: np.ndarray, truth: np.ndarray, said: np.ndarray, season: int) -> float:
    """Of one series: the mean absolute error in units of the past's mean change over a season."""
    scale = np.abs(past[season:] - past[:-season]).mean()
    return float(np.abs(truth - said).mean() / scale) if scale > 0 else float("nan")


def measure(name: str, folder: Path) -> None:
    """Print a line a method."""
    horizon, season = SETS[name]
    family = name.split("_")[0]
    table = pl.read_csv(folder / f"forecast_{family}" / f"{name}.csv.gz")
    table = table.select(
        unique_id=pl.col("series").cast(pl.String), ds="t", y=pl.col("value").cast(pl.Float64)
    )
    table = table.sort("unique_id", "ds")
    ahead = pl.col("ds").rank(descending=True).over("unique_id")
    known, held_out = table.filter(ahead > horizon), table.filter(ahead <= horizon)
    methods = [SeasonalNaive(season), AutoTheta(season), AutoETS(season)]
    for method in methods:
        started = time.monotonic()
        said = StatsForecast([method], freq=1, n_jobs=os.cpu_count()).forecast(df=known, h=horizon)
        seconds = time.monotonic() - started
        column = said.columns[-1]
        said = said.sort("unique_id", "ds").rename({column: "y"})
        parts = [item.partition_by("unique_id", as_dict=True) for item in (known, held_out, said)]
        series = ([part[key]["y"].to_numpy() for part in parts] for key in parts[0])
        errors = [mase(past, truth, ahead, season) for past, truth, ahead in series]
        print(f"| {name} | {column} | {np.nanmean(errors):.3f} | {seconds:.0f} |", flush=True)


def main() -> int:
    """Measure the sets that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {platform.platform()}\n\n| set | method | MASE | s |\n|---|---|---|---|")
    for name in options.sets:
        measure(name, options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
