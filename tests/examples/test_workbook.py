import zipfile
from datetime import datetime, time
from pathlib import Path

import openpyxl
import pytest

from solutionkit.errors import DataError
from solutionkit.examples import workbook
from solutionkit.examples.reading import read


def save(file: Path, rows: list[list[object]], name: str = "Sheet") -> Path:
    book = openpyxl.Workbook()
    book.active.title = name
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file


def test_cells_keep_their_types(tmp_path: Path) -> None:
    file = save(
        tmp_path / "a.xlsx",
        [
            ["whole", "part", "day", "mixed", "truth", None],
            [1, 1.5, datetime(2025, 1, 2), 7, True, None],
            [],
            [None, 2, None, "x", False, None],
            [3, "#N/A", datetime(2025, 1, 3, 4, 5), datetime(2025, 1, 2), None, None],
        ],
    )
    found = read(file)
    assert found.table.to_pydict() == {
        "whole": [1, None, 3],
        "part": [1.5, 2.0, None],
        "day": [datetime(2025, 1, 2), None, datetime(2025, 1, 3, 4, 5)],
        "mixed": ["7", "x", "2025-01-02"],
        "truth": [True, False, None],
    }
    assert found.notes == ("a.xlsx: 1 cells hold errors, e.g. #N/A, and count as empty",)


def test_formulas_that_nobody_calculated_are_told(tmp_path: Path) -> None:
    file = save(tmp_path / "a.xlsx", [["n", "twice"], [1, "=2*A2"], [2, "=2*A3"]])
    with pytest.raises(DataError, match="2 formulas have no values; open and save it"):
        read(file)


def test_times_of_day_are_texts(tmp_path: Path) -> None:
    file = save(tmp_path / "a.xlsx", [["at", "n"], [time(8, 30), 1], [time(9, 0), 2]])
    assert read(file).table["at"].to_pylist() == ["08:30:00", "09:00:00"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no sheet has rows"),
        ([["a", "b"]], "has a header but no rows"),
        ([["a", None], [1, 2]], "column 2 has no name"),
        ([["a", "a"], [1, 2]], "the column 'a' stands twice"),
    ],
)
def test_sheets_that_are_no_tables(tmp_path: Path, rows: list[list[object]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(save(tmp_path / "a.xlsx", rows))


def test_a_workbook_that_unpacks_to_more_than_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 10_000_000)
    monkeypatch.setattr(workbook, "MOST_MEMORY", 1e-7)
    with pytest.raises(DataError, match="it unpacks to"):
        read(file)


def test_one_cell_far_out_is_refused_before_there_is_room_for_all(tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"] = "a"
    book.active["XFD1048576"] = 1
    book.save(file)
    with pytest.raises(DataError, match="reaches over 1,048,576 rows and 16,384 columns"):
        read(file)


def test_formulas_of_text_may_be_empty_and_other_sheets_do_not_count(tmp_path: Path) -> None:
    file = save(tmp_path / "plain.xlsx", [["n", "name"], [1, "x"], [2, "y"], [3, "z"]])
    changed = tmp_path / "a.xlsx"
    empty = b'<c r="C2" t="str"><f>IF(A2=1,"","y")</f><v></v></c></row>'
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = content.replace(b"</row>", empty, 2).replace(empty, b"</row>", 1)
            new.writestr(name, content)
    assert read(changed).table["n"].to_pylist() == [1, 2, 3]
    two = tmp_path / "two.xlsx"
    book = openpyxl.load_workbook(file)
    book.create_sheet("Notes")["A1"] = "=1+1"
    book.save(two)
    assert read(two).table.column_names == ["n", "name"]


def test_a_cover_sheet_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "Cover"
    book.active["A1"] = "of sales"
    for row in [["n", 2024], [1, 2], [3, 4], [5, 6]]:
        book["Data"].append(row) if "Data" in book.sheetnames else book.create_sheet("Data").append(row)
    book.save(file)
    found = read(file)
    assert found.table.to_pydict() == {"n": [1, 3, 5], "2024": [2, 4, 6]}
    assert found.notes == ("a.xlsx: sheet 'Data'",)


@pytest.mark.parametrize(
    "written", ['<x:c r="XFD1048576"><x:v>1</x:v></x:c>', "<x:c r='XFD1048576'><x:v>1</x:v></x:c>"]
)
def test_however_a_far_cell_is_written(tmp_path: Path, written: str) -> None:
    """Prefixes and other quotes are XML, too, and a sheet may be stored anywhere."""
    file = save(tmp_path / "plain.xlsx", [["a"], [1]])
    changed = tmp_path / "a.xlsx"
    sheet = f'<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>{written}</x:sheetData></x:worksheet>'
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                name, content = "xl/elsewhere.xml", sheet.encode()
            if name == "xl/_rels/workbook.xml.rels":
                content = content.replace(b"worksheets/sheet1.xml", b"elsewhere.xml")
            new.writestr(name, content)
    with pytest.raises(DataError, match="reaches over 1,048,576 rows and 16,384 columns"):
        read(changed)
