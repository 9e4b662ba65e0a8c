"""Sheets of workbooks -> columns."""

from __future__ import annotations

import datetime
import os
import zipfile
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa

from solutionkit.errors import unreadable
from solutionkit.examples.sheets import Sheet, sheets_of, stored_at

# Share of the memory that a workbook may unpack to; its cells take several times as much.
MOST_MEMORY = 0.1
# The reader takes room for all cells up to the last.
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
            raise unreadable(file, f"it has no sheet '{sheet}'", f"its sheets are {', '.join(names)}")
        wanted = [sheet] if sheet is not None else names
        stored = sheets_of(file)
        places = stored_at(file)
        _refuse_far_cells(file, stored)
        sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=True) for name in wanted}
    except (CalamineError, OSError, ValueError, zipfile.BadZipFile) as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise unreadable(
            file, f"not a readable workbook: {message}", "save it as .xlsx without a password"
        ) from None
    filled = {name: rows for name, rows in sheets.items() if any(map(_filled, rows))}
    if not filled:
        raise unreadable(file, "no sheet has rows")
    tables = {name: rows for name, rows in filled.items() if _like_a_table(rows)}
    # Cover sheets and remarks are no tables.
    filled = tables if len(tables) == 1 else filled
    if len(filled) > 1:
        raise unreadable(
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
    if name not in places or places[name] not in stored:
        raise unreadable(file, f"sheet '{name}' is not where the workbook says", "save it anew")
    if errors := _refuse_uncalculated(file, stored[places[name]]):
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
        raise unreadable(file, f"it unpacks to {size / 1e9:.1f} GB", "save the sheet as CSV or Parquet")


def _refuse_far_cells(file: Path, stored: dict[str, Sheet]) -> None:
    """A cell in the last column and the last row takes room for all before."""
    for path, sheet in stored.items():
        if sheet.rows * sheet.columns > MOST_CELLS:
            raise unreadable(
                file,
                f"{path} reaches over {sheet.rows:,} rows and {sheet.columns:,} columns",
                "delete what is far out, or save the table as CSV or Parquet",
            )


def _refuse_uncalculated(file: Path, sheet: Sheet) -> int:
    """How many cells of a sheet hold errors.

    Raises:
        DataError: Formulas have no values.
    """
    if sheet.uncalculated:
        message = f"{sheet.uncalculated:,} formulas have no values"
        raise unreadable(file, message, "open and save it in a spreadsheet program")
    return sheet.failed
