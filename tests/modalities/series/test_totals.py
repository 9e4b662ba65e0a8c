"""Totals agree with their series, and their intervals hold."""

import json

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from solutionkit.cells import sequence_array
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import PAST
from solutionkit.modalities.rows import ScoringRows
from solutionkit.modalities.series.latest import KEY, LEVEL, STEP
from solutionkit.modalities.series.modality import Series
from solutionkit.modalities.series.reconciliation import with_totals
from solutionkit.modalities.series.table import SERIES
from solutionkit.modalities.series.totals import Level, Spread, agree, judged, levels_of
from solutionkit.tasks.forecast.task import Forecast

HORIZON, ITEMS, ORIGINS = 4, 12, 60
QUANTILES = (0.1, 0.5, 0.9)
TASK = Forecast("sales", HORIZON, QUANTILES, nonnegative=True)
GROUPS = np.array(["a", "b", "c"], object)[np.arange(ITEMS) % 3]


def windows(seed: int) -> tuple[list[Level], np.ndarray, np.ndarray]:
    """Levels, labels and outputs of items whose errors are half their group's."""
    random = np.random.default_rng(seed)
    shared = random.normal(size=(ORIGINS, 3, HORIZON))[:, np.arange(ITEMS) % 3]
    error = 5.0 * (np.sqrt(0.5) * shared + np.sqrt(0.5) * random.normal(size=(ORIGINS, ITEMS, HORIZON)))
    median = 100.0 + 10.0 * random.random((ORIGINS, ITEMS, HORIZON))
    truth = (median + error).reshape(-1, HORIZON)
    said = median[..., None] + 5.0 * stats.norm.ppf(QUANTILES)
    columns = {"group": np.tile(GROUPS, ORIGINS), "item": np.tile(np.arange(ITEMS).astype(str), ORIGINS)}
    levels = levels_of(columns, ["group"], np.repeat(np.arange(ORIGINS), ITEMS))
    labels = np.concatenate([truth, np.ones((len(truth), 2))], axis=1)
    return levels, labels, said.reshape(len(truth), -1)


def test_levels_go_from_the_top_down() -> None:
    levels, _, _ = windows(1)
    assert [(level.name, len(level.first)) for level in levels] == [("all", ORIGINS), ("group", 3 * ORIGINS)]


def test_medians_add_up_and_intervals_of_totals_hold() -> None:
    known, labels, outputs = windows(1)
    spread = Spread.of(TASK, known, labels, outputs, None)
    levels, labels, outputs = windows(2)
    agreed = agree(TASK, levels, outputs, spread, None)
    median = TASK.by_step(outputs)[:, :, 1]
    for level, totals in zip(levels, agreed.totals, strict=True):
        assert TASK.by_step(totals)[:, :, 1] == pytest.approx(level.sums(median))
    told = judged(TASK, levels, labels, agreed)
    assert [item["level"] for item in told] == ["all", "group", "series"]
    for item in told:
        assert item["covered"] == pytest.approx(0.8, abs=0.05), item
    # Errors of parts cancel out.
    assert told[0]["wape"] < told[1]["wape"] < told[2]["wape"]


def test_forecasts_of_totals_move_their_series_by_as_little_as_can_be() -> None:
    known, labels, outputs = windows(1)
    truth = labels[:, :HORIZON]
    # Totals that are nearly known beforehand are believed, in part where they err.
    random = np.random.default_rng(7)
    own = [level.sums(truth) + 2.0 * random.normal(size=(len(level.first), HORIZON)) for level in known]
    spread = Spread.of(TASK, known, labels, outputs, own)
    agreed = agree(TASK, known, outputs, spread, own)
    series = TASK.by_step(agreed.series)
    for level, totals in zip(known, agreed.totals, strict=True):
        assert TASK.by_step(totals)[:, :, 1] == pytest.approx(level.sums(series[:, :, 1]))
    plain = judged(TASK, known, labels, agree(TASK, known, outputs, spread, None))
    moved = judged(TASK, known, labels, agreed)
    for before, after in zip(plain, moved, strict=True):
        assert after["wape"] < before["wape"]
    # The same as weighted least squares of all forecasts on the series.
    rows, step = np.arange(ITEMS), 2
    said = TASK.by_step(outputs)[rows, step]
    design = np.concatenate(
        [np.eye(ITEMS), np.ones((1, ITEMS)), (GROUPS[None] == np.unique(GROUPS)[:, None])]
    )
    wide = said[:, 2] - said[:, 0]
    error = [spread.series * wide**2]
    error += [np.atleast_1d(spread.moved["all"] * wide.sum() ** 2)]
    error += [spread.moved["group"] * (design[-3:] @ wide) ** 2]
    weight = 1.0 / np.sqrt(np.concatenate(error))
    wanted = np.concatenate([said[:, 1], own[0][:1, step], own[1][:3, step]])
    found = np.linalg.lstsq(design * weight[:, None], wanted * weight, rcond=None)[0]
    assert series[rows, step, 1] == pytest.approx(found, rel=1e-6)


def test_a_step_that_is_not_known_counts_nowhere() -> None:
    levels, labels, outputs = windows(1)
    spread = Spread.of(TASK, levels, labels, outputs, None)
    labels[::7, 1] = np.nan
    assert Spread.of(TASK, levels, labels, outputs, None).quantiles["group"][1] == 0.0
    told = judged(TASK, levels, labels, agree(TASK, levels, outputs, spread, None))
    assert all(0.0 < item["wape"] < 0.1 for item in told)


def test_new_forecasts_are_told_with_their_totals() -> None:
    layout = {"series": ["store", "item"], "time": "ds", "value": "sales", "hierarchy": ["region"]}
    spec = TableSpec(TASK, (), computed_by=json.dumps(layout))
    rows = ScoringRows(
        pa.table(
            {
                SERIES: ["1 / x", "1 / y", "2 / x"],
                PAST: sequence_array(np.ones((3, 8, 2), np.float32)),
                STEP: pa.array([30, 30, 30]),
                LEVEL: ["series"] * 3,
                f"{KEY}region": ["north", "north", "south"],
                f"{KEY}store": ["1", "1", "2"],
                f"{KEY}item": ["x", "y", "x"],
            }
        ),
        spec,
    )
    outputs = np.tile([8.0, 10.0, 13.0], (3, HORIZON))
    kept = {"quantiles": {"all": [-0.3, 0.0, 0.4], "region": [-0.4, 0.0, 0.5]}, "moved": {}, "series": 1.0}
    whole, said = with_totals(rows, outputs, kept)
    told = (
        Series().table_of(whole, TASK.frame(said)).filter(pa.array(np.tile([True, False, False, False], 6)))
    )
    assert told.column_names[:4] == ["level", "region", "store", "item"]
    assert told["level"].to_pylist() == [*["series"] * 3, "all", "region", "region"]
    assert told["region"].to_pylist()[3:] == [None, "north", "south"]
    assert told["store"].to_pylist()[3:] == [None] * 3
    assert told["q0.5"].to_pylist() == [10.0, 10.0, 10.0, 30.0, 20.0, 10.0]
    assert told["q0.9"].to_pylist() == pytest.approx([13.0, 13.0, 13.0, 36.0, 25.0, 12.5])
    same, _ = with_totals(rows, outputs, None)
    assert "no totals are told" in same.notes[0]
