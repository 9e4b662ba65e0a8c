"""Wide files are turned, or refused by the column that does not fit."""

import dataclasses

import pyarrow as pa
import pytest

from solutionkit.errors import DataError
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.panel import read_panel
from solutionkit.modalities.series.wide import turned

BESIDE = Layout(("shop",), "ds", "sales", wide="series")
TIMES = Layout(("shop",), "day", "sales", static=("town",), wide="times")


def test_a_column_a_series() -> None:
    table = pa.table(
        {"ds": ["2024-01-01", "2024-01-02"], "a": ["1", "2"], "b": [None, "4"], "note": ["x", "y"]}
    )
    long = turned(table, dataclasses.replace(BESIDE, ignored=("note",)), "wide.csv")
    assert long.sort_by([("shop", "ascending"), ("ds", "ascending")]).to_pylist() == [
        {"ds": "2024-01-01", "shop": "a", "sales": 1.0},
        {"ds": "2024-01-02", "shop": "a", "sales": 2.0},
        {"ds": "2024-01-02", "shop": "b", "sales": 4.0},
    ]
    panel = read_panel(long, BESIDE, "wide.csv").panel
    assert panel is not None
    assert panel.ends.tolist() == [2, 1]


def test_a_column_a_time() -> None:
    table = pa.table(
        {"shop": ["a", "b"], "town": ["x", "y"], "d_9": [3, 1], "d_10": [4, None], "d_11": [5, None]}
    )
    long = turned(table, TIMES, "wide.csv")
    assert long["day"].to_pylist() == ["9", "9", "10", "11"]
    panel = read_panel(long, TIMES, "wide.csv").panel
    assert panel is not None
    assert panel.values.tolist() == [3.0, 4.0, 5.0, 1.0]
    assert panel.static["town"].to_pylist() == ["x", "y"]


def test_a_series_without_a_value_is_kept_to_be_told() -> None:
    table = pa.table({"ds": ["2024-01-01", "2024-01-02"], "a": [1, 2], "b": pa.nulls(2, pa.int64())})
    assert set(turned(table, BESIDE, "wide.csv")["shop"].to_pylist()) == {"a", "b"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"ds": ["2024-01-01"], "a": ["many"]}, "'a'"),
        ({"date": ["2024-01-01"], "a": [1]}, "the column 'ds' is missing"),
        ({"ds": ["2024-01-01"], "sales": [1]}, "has the column 'sales' already; remove forecast.wide"),
        ({"ds": ["2024-01-01"]}, "no column is left"),
    ],
)
def test_what_does_not_fit_is_named(table: dict[str, list[object]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        turned(pa.table(table), BESIDE, "wide.csv")


def test_sizes_are_checked_before_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solutionkit.modalities.series.wide.LARGEST", 3)
    with pytest.raises(DataError, match="more than 3 cells"):
        turned(pa.table({"ds": ["2024-01-01", "2024-01-02"], "a": [1, 2], "b": [1, 2]}), BESIDE, "wide.csv")
