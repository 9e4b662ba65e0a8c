"""What `check` says of series: what is declared wrongly, what is too short, what was left out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from solutionkit.declaration import Declaration
from solutionkit.errors import UserError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.examples.facts import lines
from solutionkit.modalities.series.table import window_units
from solutionkit.use_case import Project

COLUMNS = {"label": "sales", "time": "ds", "series": "item"}


def table(lengths: tuple[int, ...] = (90, 90, 90), late: tuple[int, ...] = ()) -> pa.Table:
    random = np.random.default_rng(3)
    parts = []
    for number, length in enumerate(lengths):
        first = np.datetime64("2024-01-01") + (late[number] if late else 0)
        parts.append(
            pa.table(
                {
                    "item": [f"item {number}"] * length,
                    "ds": np.datetime_as_string(first + np.arange(length)),
                    "sales": random.poisson(9.0, length),
                    "price": random.random(length).round(3),
                }
            )
        )
    return pa.concat_tables(parts)


def audited(folder: Path, rows: pa.Table, **tables: Any) -> AuditedTable:
    return audit(project_of(folder, rows, **tables))


def project_of(folder: Path, rows: pa.Table, **tables: Any) -> Project:
    pa.csv.write_csv(rows, folder / "sales.csv")
    declared = {
        "data": {"path": str(folder / "sales.csv")},
        "columns": COLUMNS,
        "forecast": {"horizon": 7, "windows": 3},
        **tables,
    }
    return Project(
        folder,
        Declaration.model_validate_json(json.dumps({key: value for key, value in declared.items() if value})),
        "demand_forecasting",
    )


def test_lines_say_how_series_are_read(tmp_path: Path) -> None:
    project = project_of(tmp_path, table(), forecast={"horizon": 7, "windows": 3, "known_future": ["price"]})
    told = "\n".join(lines(audit(project), project.use_case.modality))
    assert "3, a step every day; season 7" in told
    assert "the last 3 origins, 7 steps apart evaluate, 7 steps each" in told
    assert "price" in told


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"forecast": None}, r"the table \[forecast\] is missing"),
        ({"columns": {"label": "sales", "series": "item"}}, "columns.time is missing"),
        (
            {"forecast": {"horizon": 7, "known_future": ["prise"]}},
            r"'prise' \(forecast.known_future\) is missing",
        ),
        ({"columns": {**COLUMNS, "series": "shop"}}, r"the column 'shop' \(columns.series\) is missing"),
        ({"columns": {**COLUMNS, "numeric": ["price"]}}, "columns.numeric is not read by this use case"),
        ({"forecast": {"horizon": 60}}, "the longest series has 90 steps"),
        ({"forecast": {"horizon": 7, "static": ["price"]}}, "'price' is said to be static and changes"),
        ({"slices": {"columns": ["colour"]}}, "the column 'colour' .slices.columns. is missing"),
    ],
)
def test_what_is_declared_wrongly_is_named(tmp_path: Path, tables: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        audited(tmp_path, table(), **tables)


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2 problems"):
        audited(tmp_path, table(), forecast=None, columns={"label": "sales", "series": "item"})


@pytest.mark.parametrize(
    "quantiles", [[0.9, 0.5], [0.1, 0.9], [0.5, 1.0], [0.5, 0.5]], ids=["order", "median", "one", "twice"]
)
def test_quantiles_that_mean_nothing_are_refused(quantiles: list[float]) -> None:
    declared = {"data": {"path": "x.csv"}, "columns": COLUMNS}
    with pytest.raises(ValueError, match="ascending numbers between 0 and 1"):
        Declaration.model_validate({**declared, "forecast": {"horizon": 2, "quantiles": quantiles}})


def test_a_series_that_ended_is_learned_from_alone(tmp_path: Path) -> None:
    lengths = (90, 90, 90, 90, 90, 40)
    found = audited(tmp_path, table(lengths))
    assert any("1 series end before the evaluation" in note for note in found.notes)
    evaluated = np.array(found.table["series"].to_pylist())[found.splits == "eval"]
    assert "item 5" not in evaluated


def test_a_new_series_is_said_to_be_one(tmp_path: Path) -> None:
    lengths, late = (90, 90, 90, 90, 25), (0, 0, 0, 0, 65)
    found = audited(tmp_path, table(lengths, late))
    assert any("1 series are new" in note for note in found.notes)


def test_a_series_of_which_nothing_is_known_is_left_out(tmp_path: Path) -> None:
    rows = table()
    values = [None if item == "item 1" else str(value) for item, value in
              zip(rows["item"].to_pylist(), rows["sales"].to_pylist(), strict=True)]  # fmt: skip
    found = audited(tmp_path, rows.set_column(2, "sales", pa.array(values, pa.string())))
    assert any("1 series are left out" in note for note in found.notes)


def test_negative_values_are_said_and_forecast(tmp_path: Path) -> None:
    rows = table()
    sales = np.array(rows["sales"].to_pylist())
    sales[5] = -2
    found = audited(tmp_path, rows.set_column(2, "sales", pa.array(sales)))
    assert any("1 values are negative" in note for note in found.notes)
    assert not found.spec.task.to_json()["nonnegative"]


def test_demand_is_sliced_by_its_kind(tmp_path: Path) -> None:
    found = audited(tmp_path, table(), slices={"columns": ["demand_pattern", "demand_volume"]})
    assert set(found.table["demand_volume"].to_pylist()) == {"low", "middle", "high"}
    assert set(found.table["demand_pattern"].to_pylist()) == {"smooth"}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"forecast": {"horizon": 7, "known_future": ["sales"]}},
            "names 'sales', which columns.label names already",
        ),
        (
            {"forecast": {"horizon": 7, "known_future": ["price", "price"]}},
            "names 'price', which it names already",
        ),
        ({"business": {"understock_cost": 2.0}}, "needs understock_cost and overstock_cost"),
        ({"business": {"true_positive": 2.0}}, "business.true_positive means nothing for the task"),
        (
            {"business": {"understock_cost": 99.0, "overstock_cost": 1.0}},
            "the 0.99 quantile, which lies outside",
        ),
        ({"data": {"path": "sales.csv", "split": "time"}}, "data.split is not read"),
    ],
)
def test_what_would_mislead_is_refused(tmp_path: Path, tables: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        audited(tmp_path, table(), **tables)


@pytest.mark.parametrize("name", ["past", "series", "demand_volume"])
def test_a_label_called_like_a_part_of_windows_is_refused(tmp_path: Path, name: str) -> None:
    rows = table().rename_columns(["item", "ds", name, "price"])
    with pytest.raises(UserError, match=f"a column cannot be called '{name}'"):
        audited(tmp_path, rows, columns={**COLUMNS, "label": name})


def test_one_mistake_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="1 problem\n") as refused:
        audited(tmp_path, pa.concat_tables([table(), table().slice(0, 3)]))
    assert "the series and time of another row" in str(refused.value)


def test_what_is_evaluated_decides_nothing(tmp_path: Path) -> None:
    """Were only the evaluated values negative, forecasts would be told to be so."""
    rows = table()
    sales = np.array(rows["sales"].to_pylist()).reshape(3, 90)
    sales[:, -3:] = -500
    found = audited(tmp_path, rows.set_column(2, "sales", pa.array(sales.reshape(-1))))
    said = found.spec.task.to_json()
    assert said["nonnegative"]
    assert said["usual_level"] == pytest.approx(9.0, abs=1.0)


def test_a_series_column_can_be_sliced_by(tmp_path: Path) -> None:
    found = audited(tmp_path, table(), slices={"columns": ["item"]})
    assert set(found.table["item"].to_pylist()) == {"item 0", "item 1", "item 2"}


def test_more_windows_than_there_is_room_for_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solutionkit.modalities.series.windows.MOST_EVALUATED", 1000)
    with pytest.raises(UserError, match="more than the 1,000 that there is room"):
        audited(tmp_path, table())


def test_a_declared_season_that_cannot_be_seen_is_told(tmp_path: Path) -> None:
    found = audited(tmp_path, table(), forecast={"horizon": 7, "windows": 3, "season": [7, 52]})
    assert any("season 52 is left out" in note for note in found.notes)


def test_too_few_stretches_for_a_verdict_are_told(tmp_path: Path) -> None:
    found = audited(tmp_path, table((90,)), forecast={"horizon": 7, "windows": 3})
    assert any("3 stretches of 7 steps" in note for note in found.notes)


def test_many_series_are_units_and_few_are_judged_by_time() -> None:
    many = {"series": np.repeat([f"s{number}" for number in range(30)], 12), "origin step": np.arange(360)}
    codes, name = window_units(many, 4)
    assert name == "series"
    assert len(np.unique(codes)) == 30
    # Twelve origins that are two steps apart: windows of four steps overlap in pairs, and so do both series.
    few = {"series": np.repeat(["a", "b"], 12), "origin step": np.tile(np.arange(0, 24, 2), 2).astype(str)}
    codes, name = window_units(few, 4)
    assert name == "stretch of time"
    assert len(np.unique(codes)) == 6
    assert codes[0] == codes[1] == codes[12]
    # Origins of series that end a step apart are no stretches of their own.
    apart = {"series": [f"s{number}" for number in range(10)], "origin step": np.arange(10).astype(str)}
    assert len(np.unique(window_units(apart, 14)[0])) == 10
    assert window_units(apart, 14)[1] == "series"


def test_a_wide_file_is_read_as_a_long_one(tmp_path: Path) -> None:
    rows = table()
    wide = pa.table(
        {
            "ds": rows["ds"].slice(0, 90),
            **{f"item {number}": rows["sales"].slice(90 * number, 90) for number in range(3)},
        }
    )
    forecast = {"horizon": 7, "windows": 3}
    found = audited(tmp_path, wide, forecast={**forecast, "wide": "series"})
    long = audited(tmp_path, rows.drop_columns(["price"]), forecast=forecast)
    # As text, because what is not known is not equal to itself.
    assert str(found.table.to_pylist()) == str(long.table.to_pylist())


@pytest.mark.parametrize(
    ("forecast", "columns", "message"),
    [
        ({"wide": "series", "known_future": ["price"]}, {}, "a wide file holds one value"),
        ({"wide": "series", "static": ["price"]}, {}, "says nothing of series"),
        ({"wide": "series"}, {"series": ["a", "b"]}, "forecast.wide needs columns.series"),
        ({"hierarchy": ["price"]}, {}, "forecast.hierarchy names 'price'"),
        ({}, {"series": ["item", "step"]}, "a column cannot be called 'step'"),
    ],
)
def test_keys_that_do_not_go_together(
    tmp_path: Path, forecast: dict[str, Any], columns: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        audited(
            tmp_path,
            table(),
            forecast={"horizon": 7, "windows": 3, **forecast},
            columns={**COLUMNS, **columns},
        )


def test_more_totals_than_can_agree_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solutionkit.modalities.series.reconciliation.MOST_TOTALS", 2)
    with pytest.raises(UserError, match='"mint" with 4 totals; there is room for 2'):
        audited(
            tmp_path,
            table(),
            forecast={"horizon": 7, "windows": 3, "hierarchy": ["item"], "reconcile": "mint"},
        )


def test_columns_that_are_hardly_covariates_and_a_slip_are_told(tmp_path: Path) -> None:
    rows = table()
    values = rows["sales"].to_pylist()
    values[100] = 10**15
    rows = rows.set_column(2, "sales", pa.array(values))
    rows = rows.append_column("town", pa.array(np.repeat(["x", "y", "z"], 90)))
    rows = rows.append_column("fold", pa.array([*["train"] * 60, *["test"] * 30] * 3))
    notes = " ".join(audited(tmp_path, rows).notes)
    assert "town: one value a series; name such columns in forecast.static" in notes
    assert "'fold' looks like a split" in notes
    assert "the largest value, 1e+15 of 'item 1' at 2024-01-11" in notes


def test_the_evaluated_time_is_told(tmp_path: Path) -> None:
    assert "7 steps each, from 2024-03-10 to 2024-03-30;" in audited(tmp_path, table()).split_rule
