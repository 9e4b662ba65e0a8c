"""The same customers in the files of twenty companies: each is read whole, or answered by one clear question."""

import gzip
import json
import lzma
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest

from solutionkit.errors import DataError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.use_case import load_project

ROWS = 400
RANDOM = np.random.default_rng(3)
AMOUNTS = RANDOM.normal(2000, 4000, ROWS).round(2)
VISITS = RANDOM.integers(900, 250_000, ROWS)
SINCE = [date(2019, 1, 1) + timedelta(days=int(day)) for day in RANDOM.integers(0, 2000, ROWS)]
TOWNS = RANDOM.choice(["Köln", "Düren", "Rom"], ROWS)
LEFT = RANDOM.choice(["no", "yes"], ROWS)
NAMES = ("key", "amount", "visits", "since", "town", "left")
DECLARATION = """
[data]
path = "{file}"
{declared}
[columns]
label = "left"
id = "key"
"""


def plain(value: float) -> str:
    return f"{value:.2f}"


def german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def rows(
    amount: Callable[[float], str] = plain,
    visits: Callable[[int], str] = str,
    since: str = "%Y-%m-%d",
) -> list[list[str]]:
    columns = (
        [f"K{row}" for row in range(ROWS)],
        map(amount, AMOUNTS),
        map(visits, VISITS),
        (day.strftime(since) for day in SINCE),
        TOWNS,
        LEFT,
    )
    return [list(NAMES), *map(list, zip(*columns, strict=True))]


def text(cells: list[list[str]], mark: str = ",", quote: str = "") -> str:
    def quoted(cell: str) -> str:
        return f'"{cell}"' if quote or mark in cell else cell

    return "".join(mark.join(map(quoted, row)) + "\r\n" for row in cells)


def workbook(file: Path, sheets: dict[str, list[list[object]]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, cells in sheets.items():
        sheet = book.create_sheet(name)
        for row in cells:
            sheet.append(row)
    book.save(file)


def typed() -> list[list[object]]:
    columns = ([f"K{row}" for row in range(ROWS)], AMOUNTS.tolist(), VISITS.tolist(), SINCE, TOWNS, LEFT)
    return [list(NAMES), *map(list, zip(*columns, strict=True))]


def as_table(**changed: pa.Array) -> pa.Table:
    body = typed()[1:]
    table = {name: [row[place] for row in body] for place, name in enumerate(NAMES)}
    return pa.table({**table, **changed})


def parquet(file: Path) -> None:
    changed = {
        "amount": pa.array([f"{value:.2f}" for value in AMOUNTS]).cast(pa.decimal128(12, 2)),
        "since": pa.array(
            map(datetime.fromisoformat, (f"{day}T00:00:00" for day in SINCE)), pa.timestamp("ns", "UTC")
        ),
        "town": pa.array(TOWNS.tolist()).dictionary_encode(),
        "key": pa.array([f"K{row}" for row in range(ROWS)], pa.large_string()),
    }
    pa.parquet.write_table(as_table(**changed), file)


def json_lines(file: Path) -> None:
    lines = [
        json.dumps(dict(zip(NAMES, row, strict=True)), default=str, ensure_ascii=False) for row in typed()[1:]
    ]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))


def grouped(mark: str) -> Callable[[int], str]:
    return lambda value: f"{value:,}".replace(",", mark)


def sap(value: float) -> str:
    return f"{german(abs(value))}{'-' if value < 0 else ''}"


def accountant(value: float) -> str:
    return f"({abs(value):,.2f})" if value < 0 else f"{value:,.2f}"


GERMAN = rows(german, grouped("."), "%d.%m.%Y")
READ: dict[str, tuple[str, bytes | Callable[[Path], None], str]] = {
    "plain": ("a.csv", text(rows()).encode(), ""),
    "german, semicolons": ("a.csv", text(GERMAN, ";").encode(), ""),
    "german, semicolons, cp1252": ("a.csv", text(GERMAN, ";").encode("cp1252"), ""),
    "german, commas, quoted": ("a.csv", text(GERMAN, ",", '"').encode("utf-8-sig"), ""),
    "german, packed": ("a.csv.gz", gzip.compress(text(GERMAN, ";").encode("cp1252")), ""),
    "german, xz, tabs": ("a.tsv.xz", lzma.compress(text(GERMAN, "\t").encode()), ""),
    "what Excel calls Unicode text": ("a.txt", text(GERMAN, "\t").encode("utf-16"), ""),
    "american": ("a.csv", text(rows(lambda v: f"${v:,.2f}".replace("$-", "-$"), grouped(","), "%m/%d/%Y")).encode(), ""),
    "american, accountant": ("a.csv", text(rows(accountant, grouped(","), "%m/%d/%y"), "|").encode(), ""),
    "british": ("a.csv", text(rows(lambda v: f"{v:,.2f} GBP", grouped(","), "%d/%m/%Y")).encode(), ""),
    "british, months": ("a.csv", text(rows(plain, str, "%d-%b-%Y")).encode(), ""),
    "french, blanks": (
        "a.csv",
        text(rows(lambda v: f"{v:,.2f}".replace(",", "\u202f").replace(".", ","), grouped("\u00a0"), "%d/%m/%Y"), ";").encode(),
        "",
    ),
    "swiss": ("a.csv", text(rows(lambda v: f"{v:,.2f}".replace(",", "’"), grouped("'"), "%d.%m.%Y"), ";").encode(), ""),
    "swedish": ("a.csv", text(rows(lambda v: plain(v).replace(".", ",").replace("-", "−"), grouped(" "), "%Y-%m-%d"), ";").encode(), ""),
    "sap": ("a.txt", text(rows(sap, grouped("."), "%d.%m.%Y"), "|").encode("cp1252"), ""),
    "japanese dates, latin-2": (
        "a.csv",
        text(rows(plain, str, "%Y/%m/%d")).encode("cp1250"),
        'encoding = "cp1250"',
    ),
    "a format of its own": ("a.csv", text(rows(plain, str, "%Y%m%d")).encode(), 'date_format = "%Y%m%d"'),
    "workbook": ("a.xlsx", lambda file: workbook(file, {"Kunden": typed(), "Notizen": []}), ""),
    "one of several sheets": (
        "a.xlsx",
        lambda file: workbook(file, {"Deckblatt": [["von", "Vertrieb"]], "Kunden": typed()}),
        'sheet = "Kunden"',
    ),
    "workbook of texts": ("a.xlsx", lambda file: workbook(file, {"1": list(map(list, GERMAN))}), ""),
    "parquet": ("a.parquet", parquet, ""),
    "json lines, packed": ("a.jsonl.gz", json_lines, ""),
}  # fmt: skip


def audited(folder: Path, name: str, content: bytes | Callable[[Path], None], declared: str) -> AuditedTable:
    (folder / "pyproject.toml").write_text('[tool.solutionkit]\nuse_case = "customer_churn"\n')
    # Digits alone are dates where they are said to be.
    dated = 'date = ["since"]\n' if "%Y%m%d" in declared else ""
    (folder / "use_case.toml").write_text(DECLARATION.format(file=name, declared=declared) + dated)
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    else:
        content(folder / name)
    return audit(load_project(folder))


@pytest.mark.parametrize("company", READ)
def test_a_file_is_read_whole(tmp_path: Path, company: str) -> None:
    found = audited(tmp_path, *READ[company])
    assert {feature.name: feature.kind for feature in found.spec.features} == {
        "amount": "numeric",
        "visits": "numeric",
        "since": "date",
        "town": "categorical",
    }
    assert not found.spec.ignored
    table = found.table
    assert np.allclose(table["amount"].to_numpy(), AMOUNTS, atol=1e-9)
    assert table["visits"].to_numpy().tolist() == VISITS.tolist()
    assert [stamp.date() for stamp in table["since"].to_pylist()] == SINCE
    assert table["town"].to_pylist() == TOWNS.tolist()
    assert table["left"].to_pylist() == (LEFT == "yes").astype(int).tolist()


def early(day: int) -> date:
    return date(2024, 1 + day % 12, 1 + day % 11)


AMBIGUOUS = [[*row[:3], early(place).strftime("%d/%m/%Y"), *row[4:]] for place, row in enumerate(rows())]
REFUSED: dict[str, tuple[str, bytes | Callable[[Path], None], str]] = {
    "date_format = \"%d/%m/%Y\" or \"%m/%d/%Y\"": (
        "a.csv", text([list(NAMES), *AMBIGUOUS[1:]]).encode(), "",
    ),
    "'visits' may hold thousands or decimals": (
        "a.csv", text(rows(lambda v: str(int(v)), lambda v: f"{v % 9 + 1},{v % 900 + 100}")).encode(), "",
    ),
    "'amount' mixes EUR and USD": (
        "a.csv", text(rows(lambda v: f"{v:.2f} {'EUR' if v > 2000 else 'USD'}")).encode(), "",
    ),
    "'amount' holds numbers like 1.234,5, and others (row 1:": (
        "a.csv", text(rows(lambda v: plain(v) if v == AMOUNTS[0] else german(v)), ";").encode(), "",
    ),
    "'since' holds dates like 31.12.2025, and others (row 1: '31.02.2024')": (
        "a.csv",
        text([[*row[:3], ["31.02.2024", row[3]][place != 1], *row[4:]] for place, row in enumerate(GERMAN)], ";").encode(),
        "",
    ),
    "'visits' looks like numbers or times that are not read, e.g. '": (
        "a.csv", text(rows(plain, lambda v: f"{v} km")).encode(), "",
    ),
    "2 sheets have rows: A, B; say which under [data]: sheet": (
        "a.xlsx", lambda file: workbook(file, {"A": typed(), "B": typed()}), "",
    ),
    "it has no sheet 'C'; its sheets are A": ("a.xlsx", lambda file: workbook(file, {"A": typed()}), 'sheet = "C"'),
    "line 2: not UTF-8 (byte 0xfc": (
        "a.csv", text([[cell.replace("Köln", "Wałcz") for cell in row] for row in rows()]).encode("cp1250"), "",
    ),
    "is none of ascii": ("a.csv", text(rows()).encode(), 'encoding = "ascii"'),
    "cannot be unpacked": ("a.csv.gz", gzip.compress(text(rows()).encode())[:-20], ""),
    "not a readable workbook": ("a.xlsx", b"PK\x03\x04 nothing", ""),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_what_could_mean_two_things_is_asked(tmp_path: Path, message: str) -> None:
    name, content, declared = REFUSED[message]
    with pytest.raises(DataError) as error:
        audited(tmp_path, name, content, declared)
    assert message in str(error.value)
    assert name in str(error.value)
    assert len(error.value.problems) == 1
