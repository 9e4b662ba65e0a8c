"""New rows: the window that a server gets is the one that training saw."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from solutionkit.cells import sequence_values
from solutionkit.declaration import Declaration
from solutionkit.errors import DataError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.kinds import FUTURE, PAST
from solutionkit.modalities.series.latest import STEP, latest_windows
from solutionkit.modalities.series.modality import Series
from solutionkit.modalities.series.table import SERIES
from solutionkit.use_case import Project

DAYS, HORIZON = 80, 5


def rows() -> pa.Table:
    random = np.random.default_rng(3)
    tables = [
        pa.table(
            {
                "item": [item] * DAYS,
                "kind": [kind] * DAYS,
                "ds": np.datetime_as_string(np.datetime64("2024-01-01") + np.arange(DAYS)),
                "sales": random.poisson(9.0, DAYS).astype(str),
                "offer": random.choice(["no", "yes"], DAYS),
                "weather": random.normal(size=DAYS).round(3).astype(str),
            }
        )
        for item, kind in (("a", "x"), ("b", "x"), ("c", "z"))
    ]
    return pa.concat_tables(tables)


def project_of(folder: Path, table: pa.Table, **forecast: object) -> Project:
    pa.csv.write_csv(table, folder / "sales.csv")
    declared = {
        "data": {"path": str(folder / "sales.csv")},
        "columns": {"label": "sales", "time": "ds", "series": "item"},
        "forecast": {
            "horizon": HORIZON,
            "windows": 3,
            "known_future": ["offer"],
            "static": ["kind"],
            **forecast,
        },
    }
    return Project(folder, Declaration.model_validate_json(json.dumps(declared)), "demand_forecasting")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> AuditedTable:
    return audit(project_of(tmp_path_factory.mktemp("latest"), rows()))


def emptied(table: pa.Table, since: str) -> pa.Table:
    """The rows as they were when nothing since then was known but offers."""
    later = np.array(table["ds"].to_pylist()) >= since
    for name in ("sales", "weather"):
        values = [None if late else value for value, late in zip(table[name].to_pylist(), later, strict=True)]
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
    return table


def test_training_and_serving_windows_are_the_same(audited: AuditedTable) -> None:
    for since in ("2024-03-06", "2024-03-11", "2024-03-16"):
        new = latest_windows(emptied(rows(), since), "new.csv", audited.spec)
        chosen = np.array(audited.table["ds"].to_pylist()) == since
        chosen &= audited.splits == "eval"
        names = np.array(audited.table[SERIES].to_pylist())[chosen]
        trained = dict(zip(names, np.flatnonzero(chosen), strict=True))
        assert set(trained) == {"a", "b", "c"}
        for kind in (PAST, FUTURE):
            known, served = sequence_values(audited.table[kind]), sequence_values(new.table[kind])
            for place, name in enumerate(new.table[SERIES].to_pylist()):
                assert (served[place] == known[trained[name]]).all(), (kind, name)


def test_forecasts_are_told_a_row_a_step(audited: AuditedTable) -> None:
    new = latest_windows(emptied(rows(), "2024-03-16"), "new.csv", audited.spec)
    task = audited.spec.task
    said = np.arange(3 * task.outputs, dtype=float).reshape(3, -1)
    told = Series().table_of(new, task.frame(said))
    assert told.num_rows == 3 * HORIZON
    assert told["ds"].to_pylist()[:HORIZON] == [f"2024-03-{day}" for day in range(16, 21)]
    assert set(told["cutoff"].to_pylist()) == {"2024-03-15"}
    assert told["step"].to_pylist()[:HORIZON] == [1, 2, 3, 4, 5]
    assert told["q0.5"].to_pylist()[1] == said[0].reshape(HORIZON, -1)[1, task.quantiles.index(0.5)]


def test_steps_to_come_of_which_nothing_is_known_are_asked_for(audited: AuditedTable) -> None:
    with pytest.raises(
        DataError, match=r"'a' has 0 of 5 from 2024-03-21 on; add rows with 'sales' left empty"
    ):
        latest_windows(rows(), "new.csv", audited.spec)


def test_a_row_to_come_that_is_lacking_counts_as_the_one_before_and_is_told(audited: AuditedTable) -> None:
    table = emptied(rows(), "2024-03-16")
    new = latest_windows(table.slice(0, table.num_rows - 1), "new.csv", audited.spec)
    assert "1 of 3 series lack rows, e.g. 'c' has 4 of 5 from 2024-03-16 on" in new.notes[-1]


def test_an_offer_that_is_empty_in_rows_to_come_is_told(audited: AuditedTable) -> None:
    table = emptied(rows(), "2024-03-16")
    offers = [None if sales is None else offer for offer, sales in
              zip(table["offer"].to_pylist(), table["sales"].to_pylist(), strict=True)]  # fmt: skip
    table = table.set_column(4, "offer", pa.array(offers, pa.string()))
    new = latest_windows(table, "new.csv", audited.spec)
    assert "'offer' is empty in 15 of 15 rows to come" in new.notes[-1]


def test_a_missing_column_is_named(audited: AuditedTable) -> None:
    with pytest.raises(DataError, match="the column 'weather' is missing"):
        latest_windows(rows().drop_columns(["weather"]), "new.csv", audited.spec)


def test_a_new_series_has_a_window_without_a_past(audited: AuditedTable) -> None:
    table = emptied(rows(), "2024-03-16")
    fresh = table.filter(pa.array(np.array(table["item"].to_pylist()) == "a"))
    fresh = fresh.set_column(0, "item", pa.array(["new"] * fresh.num_rows))
    empty = fresh.set_column(3, "sales", pa.nulls(fresh.num_rows, pa.string())).slice(DAYS - HORIZON)
    new = latest_windows(pa.concat_tables([table, empty]), "new.csv", audited.spec)
    place = new.table[SERIES].to_pylist().index("new")
    assert not sequence_values(new.table[PAST])[place].any()
    assert "1 series have no past" in new.notes[-1]


def test_other_times_than_the_model_knows_are_refused(audited: AuditedTable) -> None:
    numbered = rows().set_column(2, "ds", pa.array([str(day) for day in range(DAYS)] * 3))
    with pytest.raises(DataError, match="'ds' holds numbers and the model knows the other"):
        latest_windows(numbered, "new.csv", audited.spec)


def test_series_that_ended_are_left_out_and_said_so(audited: AuditedTable) -> None:
    table = emptied(rows(), "2024-03-16")
    keep = (np.array(table["item"].to_pylist()) != "b") | (np.array(table["ds"].to_pylist()) < "2024-02-20")
    new = latest_windows(table.filter(pa.array(keep)), "new.csv", audited.spec)
    assert new.table[SERIES].to_pylist() == ["a", "c"]
    assert new.notes[-1] == "1 series ended before and are not forecast, e.g. b"


def test_the_first_step_is_that_after_the_last_value(audited: AuditedTable) -> None:
    new = latest_windows(emptied(rows(), "2024-03-16"), "new.csv", audited.spec)
    assert len(set(new.table[STEP].to_pylist())) == 1


def test_what_cutting_found_out_is_kept(audited: AuditedTable) -> None:
    task = audited.spec.task
    assert dataclasses.asdict(task)["seasons"] == (7,)
    assert task.horizon == HORIZON
    assert type(task).name == "forecast"
    assert {feature.name for feature in audited.spec.features} == {"kind", PAST, FUTURE}
