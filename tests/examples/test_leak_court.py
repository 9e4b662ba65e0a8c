"""Planted leaks are all found, by an error or by a note; clean tables are not accused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from solutionkit.errors import DataError
from solutionkit.examples.audit import audit
from solutionkit.use_case import load_project

ROWS = 2000
DECLARATION = """
[data]
path = "rows.csv"
split = "stratified"
[columns]
label = "left"
"""
Columns = dict[str, np.ndarray]


def drawn(seed: int) -> Columns:
    """Customers, of whom who pays much and has a contract by the month leaves more often."""
    random = np.random.default_rng(seed)
    charge = random.normal(60.0, 20.0, ROWS).round(2)
    contract = random.choice(["month", "year"], ROWS)
    calls = random.poisson(1.5, ROWS).astype(float)
    odds = 0.04 * (charge - 60.0) + 1.2 * (contract == "month") + 0.4 * calls - 2.2
    left = random.random(ROWS) < 1.0 / (1.0 + np.exp(-odds))
    return {
        "charge": charge,
        "contract": contract,
        "calls": calls,
        "spent": random.exponential(300.0, ROWS).round(2),
        "left": np.where(left, "yes", "no"),
    }


def told(folder: Path, columns: Columns) -> str:
    """The audit's accusations."""
    (folder / "pyproject.toml").write_text('[tool.solutionkit]\nuse_case = "customer_churn"\n')
    (folder / "use_case.toml").write_text(DECLARATION)
    arrays = {
        name: pa.array(values, from_pandas=values.dtype.kind == "f") for name, values in columns.items()
    }
    pa.csv.write_csv(pa.table(arrays), folder / "rows.csv")
    try:
        return "\n".join(audit(load_project(folder)).notes)
    except DataError as error:
        return str(error)


def positive(columns: Columns) -> np.ndarray:
    return columns["left"] == "yes"


def noise(seed: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=ROWS)


def the_label_itself(columns: Columns) -> Columns:
    return {**columns, "leak": positive(columns).astype(float)}


def the_label_upside_down_with_noise(columns: Columns) -> Columns:
    return {**columns, "leak": -3.0 * positive(columns) + 0.01 * noise()}


def a_status_written_afterwards(columns: Columns) -> Columns:
    return {**columns, "leak": np.where(positive(columns), "archived", "active")}


def a_number_that_is_nearly_the_label(columns: Columns) -> Columns:
    return {**columns, "leak": positive(columns) + 0.5 * noise()}


def a_number_that_only_leavers_have(columns: Columns) -> Columns:
    return {**columns, "leak": np.where(positive(columns), noise(), np.nan)}


def a_gap_that_only_leavers_have(columns: Columns) -> Columns:
    return {**columns, "leak": np.where(positive(columns) & (noise() > 0.5), np.nan, noise(8))}


def a_duration_of_the_last_call(columns: Columns) -> Columns:
    return {**columns, "last_call_duration": 60.0 + 20.0 * noise() + 25.0 * positive(columns)}


def rows_in_the_order_of_the_label(columns: Columns) -> Columns:
    order = np.argsort(positive(columns), kind="stable")
    return {**{name: values[order] for name, values in columns.items()}, "leak": np.arange(float(ROWS))}


def a_number_of_the_row(columns: Columns) -> Columns:
    return {**columns, "leak": np.random.default_rng(7).permutation(ROWS).astype(float)}


def every_row_three_times(columns: Columns) -> Columns:
    return {name: np.tile(values[: ROWS // 3], 3) for name, values in columns.items()}


LEAKS = {
    the_label_itself: "tells 'left' all alone",
    the_label_upside_down_with_noise: "tells 'left' all alone",
    a_status_written_afterwards: "tells 'left' all alone",
    a_number_that_is_nearly_the_label: "of pairs of rows in order",
    a_number_that_only_leavers_have: "tells 'left' all alone",
    a_gap_that_only_leavers_have: "all of the same label",
    a_duration_of_the_last_call: "known afterwards",
    rows_in_the_order_of_the_label: "tells 'left' all alone",
    a_number_of_the_row: "another whole number in every row",
    every_row_three_times: "more than once",
}


@pytest.mark.parametrize("plant", LEAKS, ids=lambda plant: plant.__name__)
def test_a_planted_leak_is_found(plant: object, tmp_path: Path) -> None:
    assert callable(plant)
    found = told(tmp_path, plant(drawn(0)))
    assert LEAKS[plant] in found
    assert "leak" not in plant(drawn(0)) or "'leak'" in found


@pytest.mark.parametrize("seed", range(10))
def test_a_clean_table_is_not_accused(seed: int, tmp_path: Path) -> None:
    """Some have gaps that tell much, though not all, and a strong driver."""
    columns = drawn(seed)
    random = np.random.default_rng(100 + seed)
    gaps = random.random(ROWS) < np.where(positive(columns), 0.4, 0.05)
    columns["income"] = np.where(gaps, np.nan, random.normal(40.0, 9.0, ROWS).round(1))
    columns["tenure"] = (random.exponential(20.0, ROWS) * np.where(positive(columns), 0.5, 1.0)).round(1)
    assert told(tmp_path, columns) == ""
