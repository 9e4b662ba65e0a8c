"""Windows: no target and no covariate of the future is where a model could learn it."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.panel import Panel, read_panel
from solutionkit.modalities.series.windows import (
    FITTED,
    LATE,
    Origins,
    Plan,
    cut,
    ends_together,
    future_channels,
    origins,
    past_channels,
    plan,
    scales,
)
from solutionkit.splits import EVAL, TRAIN, VALIDATION

LENGTH, HORIZON = 120, 6


def a_panel(lengths: tuple[int, ...] = (LENGTH, LENGTH), late: int = 0) -> Panel:
    """Series whose value is their step, with a covariate that is known beforehand and one that is not."""
    tables = []
    for number, length in enumerate(lengths):
        steps = np.arange(length) + (late if number else 0)
        tables.append(
            pa.table(
                {
                    "item": [f"item {number}"] * length,
                    "ds": steps.astype(str),
                    "y": steps.astype(float) + 1000.0 * number,
                    "price": steps + 0.25,
                    "weather": steps + 0.5,
                }
            )
        )
    layout = Layout(("item",), "ds", "y", known=("price",), past=("weather",))
    panel = read_panel(pa.concat_tables(tables), layout, "sales.csv").panel
    assert panel is not None
    return panel


PLAN = Plan(HORIZON, 12, (1,), 3, HORIZON)


def of(found: Origins, split: str) -> np.ndarray:
    return np.flatnonzero(found.splits == split)


def test_the_last_origins_evaluate_and_nothing_of_theirs_is_learned() -> None:
    panel = a_panel()
    found = origins(panel, PLAN, seed=1)
    evaluated = found.start[of(found, EVAL)]
    assert sorted(set(evaluated.tolist())) == [LENGTH - 3 * HORIZON, LENGTH - 2 * HORIZON, LENGTH - HORIZON]
    windows = cut(panel, found, PLAN)
    first_eval = LENGTH - 3 * HORIZON
    validated = of(found, VALIDATION)
    assert found.start[validated].max() + HORIZON <= first_eval
    first_validated = found.start[validated].min()
    own = windows.targets - 1000.0 * found.series[:, None]
    fitted = found.folds == FITTED
    assert np.nanmax(own[(found.splits == TRAIN) & fitted]) == first_validated - 1
    assert np.nanmax(own[(found.splits == TRAIN) & (found.folds == LATE)]) == first_eval - 1
    assert np.nanmax(own[validated]) == first_eval - 1


def test_every_window_that_there_is_counts() -> None:
    found = origins(a_panel(), dataclasses.replace(PLAN, windows=20, step=1), seed=1)
    assert len(of(found, EVAL)) == 2 * 20


def test_a_window_sees_nothing_after_its_origin_but_what_is_known_beforehand() -> None:
    panel = a_panel()
    found = origins(panel, PLAN, seed=1)
    windows = cut(panel, found, PLAN)
    assert past_channels(panel) == ("observed", "value", "price", "weather")
    assert future_channels(panel) == ("price",)
    # Whatever comes after an origin is changed: values, and what is not known beforehand.
    rows = np.random.default_rng(0).permutation(len(found))[:50]
    steps = np.concatenate(
        [first + np.arange(size) for first, size in zip(panel.first, np.diff(panel.offsets), strict=True)]
    )
    for row in rows:
        own = np.repeat(np.arange(len(panel)), np.diff(panel.offsets)) == found.series[row]
        later = own & (steps >= panel.first[found.series[row]] + found.start[row])
        changed = dataclasses.replace(
            panel,
            values=np.where(later, -99.0, panel.values),
            past=np.where(later[:, None], np.float32(-99.0), panel.past),
        )
        one = Origins(*(getattr(found, name)[row : row + 1] for name in Origins.__annotations__))
        again = cut(changed, one, PLAN)
        assert (again.past == windows.past[row]).all()
        assert (again.future == windows.future[row]).all()


def test_before_a_series_begins_nothing_was_observed() -> None:
    panel = a_panel()
    found = origins(panel, PLAN, seed=1)
    windows = cut(panel, found, PLAN)
    fresh = found.start == 4
    assert fresh.any()
    assert (windows.past[fresh][:, :, 0].sum(axis=1) == 4).all()
    assert not windows.past[fresh][:, : PLAN.lookback - 4].any()


def test_an_origin_is_one_time_for_series_that_end_together() -> None:
    panel = a_panel((LENGTH, LENGTH - 50), late=50)
    assert ends_together(panel, HORIZON)
    found = origins(panel, PLAN, seed=1)
    rows = of(found, EVAL)
    assert len(set((panel.first[found.series[rows]] + found.start[rows]).tolist())) == 3


def test_series_that_end_apart_have_origins_of_their_own() -> None:
    panel = a_panel((LENGTH, 60))
    assert not ends_together(panel, HORIZON)
    found = origins(panel, PLAN, seed=1)
    ends = {
        int(series): int(found.start[rows].max())
        for series in (0, 1)
        if len(rows := np.flatnonzero((found.splits == EVAL) & (found.series == series)))
    }
    assert ends == {0: LENGTH - HORIZON, 1: 60 - HORIZON}


def test_more_windows_than_can_be_learned_from_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solutionkit.modalities.series.windows.MOST_WINDOWS", 30)
    found = origins(a_panel(), PLAN, seed=1)
    assert ((found.splits == TRAIN) & (found.folds == FITTED)).sum() == 30
    again = origins(a_panel(), PLAN, seed=1)
    assert (again.start == found.start).all()


def test_what_is_read_follows_the_season() -> None:
    panel = a_panel((2000,))
    assert plan(panel, 24, [24, 168], None, 2, None).lookback == 336
    assert plan(panel, 18, [12], None, 1, None).lookback == 60
    assert plan(panel, 8, None, 100, 1, None).lookback == 100
    short = a_panel((40,))
    assert plan(short, 8, [12, 52], None, 1, None).seasons == (12,)


def test_a_window_in_a_gap_judges_nothing() -> None:
    panel = a_panel((LENGTH, LENGTH))
    values = panel.values.copy()
    values[LENGTH - 2 * HORIZON - 2 : LENGTH - 3] = np.nan
    found = origins(dataclasses.replace(panel, values=values), PLAN, seed=1)
    evaluated = np.flatnonzero((found.splits == EVAL) & (found.series == 0))
    assert found.start[evaluated].tolist() == [LENGTH - 3 * HORIZON, LENGTH - HORIZON]


def test_so_many_numbers_are_kept_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solutionkit.modalities.series.windows.MOST_NUMBERS", 5_000)
    found = origins(a_panel(), PLAN, seed=1)
    assert ((found.splits == TRAIN) & (found.folds == FITTED)).sum() == 5_000 // (12 * 4 + 6 * 2)


def test_few_series_are_judged_by_more_origins() -> None:
    assert plan(a_panel((400,)), 7, None, None, None, None).windows == 8
    assert plan(a_panel((60,)), 7, None, None, None, None).windows == 4
    assert plan(a_panel((400,) * 25), 7, None, None, None, None).windows == 4


def test_a_season_that_the_past_does_not_hold_is_none() -> None:
    assert plan(a_panel((600,)), 7, [1440], None, 2, None).seasons == (1,)


def test_scales_are_changes_over_a_season() -> None:
    panel = a_panel((20, 20))
    absolute, squared = scales(panel, 3, np.array([10, 10]))
    assert absolute.tolist() == [3.0, 3.0]
    assert squared.tolist() == [9.0, 9.0]
    assert np.isnan(scales(panel, 15, np.array([10, 10]))[0]).all()
