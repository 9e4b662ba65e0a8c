"""How cells of one column are read, beside others and beside what was known before."""

import pyarrow as pa
import pytest

from solutionkit.examples.dialect import UNKNOWN, Dialect
from solutionkit.examples.written import Found, measured, understood


def look(dialect: Dialect = UNKNOWN, hint: str | None = ".", **columns: list[str]) -> Found:
    table = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    return understood(table, dialect, hint)


def read(cells: list[str], **told: object) -> list[str]:
    found = look(x=cells, **told)  # type: ignore[arg-type]
    assert not found.problems, found.problems
    return found.table["x"].to_pylist()


def problem(dialect: Dialect = UNKNOWN, hint: str | None = ".", **columns: list[str]) -> str:
    (found,) = look(dialect, hint, **columns).problems
    return f"{found.code}: {found}"


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["504.95", "(12.50)", "690.53-"], ["504.95", "-12.50", "-690.53"]),
        (["($1,234.56)", "$2.00"], ["-1234.56", "2.00"]),
        (["5-", "7"], ["-5", "7"]),
        (["−5.5", "+ 3.5"], ["-5.5", "+3.5"]),
        (["12,50 EUR-", "1.000,00 EUR"], ["-12.50", "1000.00"]),
        (["EUR 12,50-", "EUR 3,5"], ["-12.50", "3.5"]),
        (["1\u00a0234,5 €", "7 €"], ["1234.5", "7"]),
        (["12 %", "3,5%"], ["12", "3.5"]),
        (["1'234'567.8", "12"], ["1234567.8", "12"]),
        (["0,123", "1,234"], ["0.123", "1.234"]),
        (["1,234,567", "1,234"], ["1234567", "1234"]),
        (["n/a", "1,5", "-"], ["n/a", "1.5", "-"]),
        (["1.5e3", "2"], ["1.5e3", "2"]),
    ],
)
def test_numbers(cells: list[str], wanted: list[str]) -> None:
    assert read(cells) == wanted


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["31.12.2025", "1.2.2024"], ["2025-12-31", "2024-02-01"]),
        (["12/31/25 11:59 PM", "1/2/24 1:05 am"], ["2025-12-31 23:59:00", "2024-01-02 01:05:00"]),
        (["31-12-95", "13-01-99"], ["1995-12-31", "1999-01-13"]),
        (["2025/1/2", "2025/12/31"], ["2025-01-02", "2025-12-31"]),
        (["Dec 31, 2025", "Jan 1, 2024"], ["2025-12-31", "2024-01-01"]),
        (["01/01/2025", "02/02/2025"], ["2025-01-01", "2025-02-02"]),
        (["31.12.2025", "00.00.0000"], ["2025-12-31", None]),
    ],
)
def test_dates(cells: list[str], wanted: list[str | None]) -> None:
    assert read(cells) == wanted


@pytest.mark.parametrize(
    "cells",
    [
        ["192.168.100.200", "10.0.0.1"],
        ["+49 170 123", "+49 30 456"],
        ["030 123 456", "040 123 456"],
        ["7590-VHVEG", "5575-GNVDE"],
        ["2025-12-31", "2024-01-01 12:00"],
    ],
)
def test_names_and_what_is_plain_already_stay(cells: list[str]) -> None:
    found = look(x=cells)
    assert (found.columns, found.problems, found.table["x"].to_pylist()) == ({}, [], cells)


def test_what_separates_a_file_decides_where_nothing_else_does() -> None:
    cells = ["1.234", "12.500"]
    plain = look(x=cells)
    assert plain.table["x"].to_pylist() == cells
    assert "'x' have three digits" in plain.told()[0]
    assert "ambiguous_numbers" in problem(hint=",", x=cells)
    # A tab says nothing.
    assert "ambiguous_numbers" in problem(hint=None, x=cells)
    assert read(["1,234", "2,500"], hint=",") == ["1.234", "2.500"]


def test_columns_beside_decide() -> None:
    found = look(x=["1.234"], y=["12,5"])
    assert found.table["x"].to_pylist() == ["1234"]
    assert look(x=["1,234"], y=["12.5"]).table["x"].to_pylist() == ["1234"]
    assert "ambiguous_numbers" in problem(x=["1,234"], y=["12.5"], z=["12,5"])


def test_what_is_declared_and_what_was_known_before() -> None:
    assert read(["1.234"], dialect=Dialect(decimal=",")) == ["1234"]
    assert read(["1,234"], dialect=Dialect(thousands=",")) == ["1234"]
    before = Dialect(columns={"x": "1.234,5"})
    assert read(["1.234"], dialect=before, hint=None) == ["1234"]
    # The other columns of the new file say otherwise than the old one.
    assert "ambiguous_numbers" in problem(Dialect(columns={"x": "1234.5"}), ",", x=["1.234"], y=["12,5"])
    assert "was in € before" in problem(Dialect(units={"x": "€"}), x=["12 $", "13 $"])


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (["12 €", "13 $"], "mixed_units"),
        (["1 234,50\u00a0€", "99,00\u00a0$"], "mixed_units"),
        (["12%", "0.12"], "mixed_units"),
        (["1.234,5", "12.5", *["2,5"] * 20], "mixed_numbers"),
        (["03/04/2025", "01/02/2025"], "ambiguous_dates"),
        (["31.12.2025", "31.02.2025", *["01.01.2025"] * 20], "no_dates"),
        (["12.03.58", "01.05.65"], "two_digits"),
    ],
)
def test_what_is_asked(cells: list[str], code: str) -> None:
    assert problem(x=cells).startswith(code)


def test_a_date_that_shows_no_order_decides_nothing() -> None:
    found = look(snap=["01/01/2025"] * 3, birth=["02/03/1990", "04/05/1991", "11/12/1980"])
    assert [item.column for item in found.problems] == ["birth"]
    assert found.columns == {}
    shown = look(snap=["31/12/2025"] * 3, birth=["02/03/1990", "04/05/1991", "11/12/1980"])
    assert shown.table["birth"].to_pylist()[0] == "1990-03-02"


def test_digits_alone_are_dates_where_they_are_said_to_be() -> None:
    amounts = ["19991101", "15000101"]
    dialect = Dialect(date_format="%Y%m%d", dates=("day",))
    table = pa.table({"amount": amounts, "day": [20250131, 20251231]})
    found = understood(table, dialect)
    assert found.table["amount"].to_pylist() == amounts
    assert found.table["day"].to_pylist() == ["2025-01-31", "2025-12-31"]
    assert "looks like days" in look(x=["20250131", "20251231"]).told()[0]


@pytest.mark.parametrize(
    ("cells", "is_it"),
    [
        (["12 km", "3 km"], True),
        (["5k", "1.5M"], True),
        (["22kg", "3kg"], True),
        (["12:30", "08:15"], True),
        (["22. März 2024", "1. Dez 2025"], True),
        (["2025-05-05", "13/01/2025"], True),
        (["20251231T100000", "20250101T120000"], True),
        (["K001", "K002"], False),
        (["7590-VHVEG", "5575-GNVDE"], False),
        (["10.0.0.1", "10.0.0.2"], False),
        (["red", "blue"], False),
    ],
)
def test_what_looks_measured(cells: list[str], is_it: bool) -> None:
    assert measured(pa.chunked_array([cells])) == is_it
