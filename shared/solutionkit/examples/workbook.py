"""Sheets of workbooks (Excel, OpenDocument) -> columns."""

from __future__ import annotations

import datetime
import html
import os
import re
import zipfile
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa

from solutionkit.errors import DataError, Problem

# Share of the memory that a workbook may unpack to; its cells take several times as much.
MOST_MEMORY = 0.1
# How a sheet marks a formula that failed, and one that was never calculated; the reader gives both as empty.
FAILED = re.compile(rb"<c [^>]*t=\"e\"")
UNCALCULATED = re.compile(rb"<c [^>]*>(?:<f>[^<]*</f>|<f [^>]*/>|<f [^>]*>[^<]*</f>)(?:<v></v>|<v ?/>)?</c>")
TEXT_CELL = re.compile(rb'<c [^>]*t="str"')
MOST_CELLS = 50_000_000
LARGEST_EXACT = 2.0**53


def read_sheet(file: Path, sheet: str | None) -> tuple[list[str], list[pa.Array], list[str]]:
    """`(names, columns, notes)` of a sheet whose first row names the columns.

    Args:
        file: The workbook.
        sheet: The sheet's name; without it there must be one alone that has rows.

    Raises:
        DataError: It cannot be read, or which sheet is meant is open.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    _refuse_huge(file)
    try:
        book = CalamineWorkbook.from_path(str(file))
        names = book.sheet_names
        if sheet is not None and sheet not in names:
            raise _refused(file, f"it has no sheet '{sheet}'", f"its sheets are {', '.join(names)}")
        wanted = [sheet] if sheet is not None else names
        stored = _stored(file)
        for name in wanted:
            _refuse_far_cells(file, name, stored.get(name, b""))
        sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=True) for name in wanted}
    except (CalamineError, OSError, ValueError, zipfile.BadZipFile) as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _refused(
            file, f"not a readable workbook: {message}", "save it as .xlsx without a password"
        ) from None
    filled = {name: rows for name, rows in sheets.items() if any(map(_filled, rows))}
    if not filled:
        raise _refused(file, "no sheet has rows")
    tables = {name: rows for name, rows in filled.items() if _like_a_table(rows)}
    # Cover sheets and remarks are no tables.
    filled = tables if len(tables) == 1 else filled
    if len(filled) > 1:
        raise _refused(
            file,
            f"{len(filled)} sheets have rows: {', '.join(filled)}",
            'say which under [data]: sheet = "…"',
        )
    ((name, rows),) = filled.items()
    notes = [f"{file.name}: sheet '{name}'"] if len(names) > 1 or sheet is not None else []
    header, *body = [row for row in rows if _filled(row)]
    cells = [list(column) for column in zip_longest(*body, fillvalue="")] or [[] for _ in header]
    titles = [_text(title).strip() for title in header]
    kept = [
        place for place, title in enumerate(titles) if title or any(_there(cell) for cell in cells[place])
    ]
    if errors := _refuse_uncalculated(file, stored.get(name, b"")):
        notes.append(f"{file.name}: {errors:,} cells hold errors, e.g. #N/A, and count as empty")
    return [titles[place] for place in kept], [_column(cells[place]) for place in kept], notes


def _like_a_table(rows: list[list[Any]]) -> bool:
    """Whether a sheet has two columns and two rows below the first."""
    some = [row for row in rows if _filled(row)]
    return len(some) > 2 and sum(any(map(_there, column)) for column in zip_longest(*some)) > 1


def _there(cell: Any) -> bool:
    return cell not in ("", None)


def _filled(row: list[Any]) -> bool:
    return any(_there(cell) for cell in row)


def _column(cells: list[Any]) -> pa.Array:
    """Cells of one type as that, of several as texts."""
    values = [cell if _there(cell) else None for cell in cells]
    types = {type(value) for value in values if value is not None}
    if types and types <= {int, float}:
        numbers = [None if value is None else float(value) for value in values]
        known = [value for value in numbers if value is not None]
        whole = all(value.is_integer() and abs(value) < LARGEST_EXACT for value in known)
        return pa.array(numbers, pa.float64()).cast(pa.int64() if whole else pa.float64())
    if types == {bool}:
        return pa.array(values, pa.bool_())
    if types and types <= {datetime.datetime, datetime.date}:
        return pa.array([_stamp(value) for value in values], pa.timestamp("us"))
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _stamp(value: Any) -> datetime.datetime | None:
    if value is None or isinstance(value, datetime.datetime):
        return value
    return datetime.datetime.combine(value, datetime.time())


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_EXACT:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return value.isoformat(" ") if isinstance(value, datetime.datetime) else str(value)


def _refuse_huge(file: Path) -> None:
    """A workbook of a few kilobytes can unpack to gigabytes."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as packed:
        size = sum(item.file_size for item in packed.infolist())
    most = MOST_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > most:
        raise _refused(file, f"it unpacks to {size / 1e9:.1f} GB", "save the sheet as CSV or Parquet")


def _stored(file: Path) -> dict[str, bytes]:
    """The XML of each sheet of a workbook, by its name; nothing where it is stored in another way."""
    try:
        with zipfile.ZipFile(file) as packed:
            book, links = packed.read("xl/workbook.xml"), packed.read("xl/_rels/workbook.xml.rels")
            targets = {
                one[1]: (re.search(rb'Target="([^"]+)"', link) or [b"", b""])[1]
                for link in re.findall(rb"<Relationship [^>]*>", links)
                if (one := re.search(rb'Id="([^"]+)"', link))
            }
            found = {}
            for tag in re.findall(rb"<(?:\w+:)?sheet [^>]*>", book):
                name, link = re.search(rb'name="([^"]*)"', tag), re.search(rb'r:id="([^"]+)"', tag)
                if name and link and link[1] in targets:
                    target = targets[link[1]].decode().lstrip("/")
                    place = target if target.startswith("xl/") else f"xl/{target}"
                    found[html.unescape(name[1].decode())] = packed.read(place)
            return found
    except (KeyError, UnicodeDecodeError):
        return {}


def _refuse_far_cells(file: Path, name: str, sheet: bytes) -> None:
    """A cell in the last column and the last row takes room for all before."""
    rows = max(map(int, re.findall(rb'<row [^>]*?r="(\d{1,9})"', sheet)), default=0)
    places = set(re.findall(rb'<c r="([A-Z]{1,3})\d', sheet))
    columns = max((_column_number(place) for place in places), default=0)
    if rows * columns > MOST_CELLS:
        raise _refused(
            file,
            f"sheet '{name}' reaches over {rows:,} rows and {columns:,} columns",
            "delete what is far out, or save the table as CSV or Parquet",
        )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _refuse_uncalculated(file: Path, sheet: bytes) -> int:
    """How many cells of a sheet hold errors.

    Raises:
        DataError: Formulas have no values.
    """
    cells = [cell for cell in UNCALCULATED.findall(sheet) if not TEXT_CELL.match(cell)]
    if cells:
        message = f"{len(cells):,} formulas have no values"
        raise _refused(file, message, "open and save it in a spreadsheet program")
    return len(FAILED.findall(sheet))


def _refused(file: Path, message: str, remedy: str = "") -> DataError:
    return DataError(str(file), [Problem("unreadable", message, remedy)])
