"""CSV and Parquet files -> Arrow tables, with errors that name the file and the row."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from solutionkit.errors import DataError, Problem, UserError, suggestion

TO_UTF8 = "convert the file, e.g. iconv -f LATIN1 -t UTF-8"
# What separates a CSV's columns where no comma does; with the first of them numbers may have decimal commas.
OTHER_MARKS = ";\t|"
LONGEST_LINE = 1 << 30
# Bytes by which UTF-16 is known.
LOOKED_AT = 1000
DECIMAL_COMMA = r"^[+-]?\d+(,\d+)?$"
SUFFIXES = {
    ".csv": "CSV",
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
}


def data_files(path: Path) -> list[Path]:
    """The CSV and Parquet files that a path stands for: itself, or those of a folder, sorted.

    Raises:
        UserError: Nothing is there, or the format is another one.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        if not files:
            raise UserError(f"{path}: the folder holds no CSV, Parquet or JSON-lines file.")
        return files
    if not path.exists():
        near = suggestion(path.name, [file.name for file in path.parent.glob("*")])
        raise UserError(f"{path}: no such file{near}.")
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: unknown format '{path.suffix}'; CSV, Parquet and JSON lines are read.")
    return [path]


def read_table(path: Path) -> pa.Table:
    """Read a file or a folder of files; CSV cells stay text until their column's kind is known.

    Args:
        path: A CSV or Parquet file, or a folder of them with the same columns.

    Returns:
        One table. Text cells are trimmed and empty ones are null.

    Raises:
        UserError: A file is missing, empty, broken, no UTF-8, or the files' columns differ.
    """
    tables = {file: _read_file(file) for file in data_files(path)}
    first_file, first = next(iter(tables.items()))
    for file, table in tables.items():
        if table.column_names != first.column_names:
            differing = set(table.column_names) ^ set(first.column_names)
            message = f"its columns differ from those of {first_file.name}: {', '.join(sorted(differing))}"
            raise _refused(file, message)
    return joined(list(tables.values()), str(path))


def joined(tables: list[pa.Table], source: str) -> pa.Table:
    """Tables of the same columns, one below the other.

    Raises:
        DataError: A column is of different kinds in them.
    """
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        message = f"the files' columns are of different kinds: {_first_line(error)}"
        raise DataError(source, [Problem("kinds_differ", message)]) from None


def header(path: Path) -> tuple[list[str], str]:
    """A CSV's column names, and what separates them: a comma unless the first line has none.

    Raises:
        DataError: The file is empty, its first line is no UTF-8, or a name is empty or doubled.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            first = next(csv.reader(lines), [])
            mark = ","
            if len(first) == 1 and (other := next((item for item in OTHER_MARKS if item in first[0]), None)):
                lines.seek(0)
                first, mark = next(csv.reader(lines, delimiter=other)), other
            names = [name.strip() for name in first]
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    if not names:
        raise _refused(path, "line 1 is blank; it must name the columns")
    if any("\n" in name for name in names):
        raise _refused(path, "line 1: a column's name goes on in the next line; shorten it")
    if "" in names:
        raise _refused(path, f"line 1: column {names.index('') + 1} has no name")
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DataError(
            str(path),
            [
                Problem("doubled_column", f"line 1: the column '{name}' stands twice", column=name)
                for name in doubled
            ],
        )
    return names, mark


def _read_file(file: Path) -> pa.Table:
    if file.stat().st_size == 0:
        raise _refused(file, "the file is empty; it needs a header line and rows")
    kind = SUFFIXES[file.suffix.lower()]
    if kind == "CSV":
        table = _read_csv(file)
    else:
        try:
            table = pa.parquet.read_table(file) if kind == "Parquet" else _read_json(file)
        except (pa.ArrowInvalid, OSError) as error:
            if "UTF8" in str(error):
                raise _not_utf8(file) from None
            raise _refused(file, f"not a readable {kind} file: {_first_line(error)}") from None
    if table.num_rows == 0:
        raise _refused(file, "the file has a header but no rows")
    return trimmed(table)


def _read_json(file: Path) -> pa.Table:
    """One object a line; a line may be as long as the file."""
    block = max(file.stat().st_size, 1 << 20)
    table = pa.json.read_json(file, pa.json.ReadOptions(block_size=min(block, LONGEST_LINE)))
    for name in table.column_names:
        if pa.types.is_string(table[name].type):
            table[name].validate(full=True)
    return table


class _WithoutNul(io.FileIO):
    """A file's bytes with spaces in the place of NUL, at which Arrow loses its place in quoted cells."""

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes."""
        return super().read(-1 if size is None else size).replace(b"\x00", b" ")


def _read_csv(file: Path) -> pa.Table:
    refuse_utf16(file)
    names, mark = header(file)
    newlines, nul = _odd_lines(file)
    source = pa.PythonFile(_WithoutNul(file), "r") if nul else pa.OSFile(str(file))
    try:
        table = pa.csv.read_csv(
            source,
            read_options=pa.csv.ReadOptions(column_names=names, skip_rows=1),
            parse_options=pa.csv.ParseOptions(delimiter=mark, newlines_in_values=newlines),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error) or "UTF-8" in str(error):
            raise _not_utf8(file) from None
        # What stands in the line is nobody's business.
        message = re.sub(r"(Expected \d+ columns, got \d+).*", r"\1", _first_line(error))
        raise _refused(file, f"not a readable CSV file: {message}") from None
    return with_decimal_points(table) if mark == OTHER_MARKS[0] else table


def with_decimal_points(table: pa.Table) -> pa.Table:
    """Columns whose cells are all numbers, some with a decimal comma, with points instead."""
    for place, name in enumerate(table.column_names):
        cells = pc.drop_null(pc.utf8_trim_whitespace(table[name]))
        cells = cells.filter(pc.not_equal(cells, ""))
        numbers = pc.match_substring_regex(cells, DECIMAL_COMMA)
        commas = pc.match_substring(cells, ",")
        if pc.all(numbers).as_py() and pc.any(commas).as_py():
            points = pc.replace_substring(table[name], ",", ".")
            table = table.set_column(place, name, points)
    return table


def _odd_lines(file: Path) -> tuple[bool, bool]:
    """Whether a quote stays open at some line's end, which needs a slower parser; whether a NUL is there."""
    newlines = nul = False
    with file.open("rb") as lines:
        for line in lines:
            newlines = newlines or line.count(b'"') % 2 > 0
            nul = nul or b"\x00" in line
            if newlines and nul:
                break
    return newlines, nul


def refuse_utf16(file: Path) -> None:
    """Name what would be read as letters with nothing between.

    Raises:
        DataError: The file is in UTF-16.
    """
    with file.open("rb") as stream:
        start = stream.read(LOOKED_AT)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or start.count(b"\x00") > len(start) / 4:
        raise _refused(file, "the file is in UTF-16", "convert it, e.g. iconv -f UTF-16 -t UTF-8")


def _not_utf8(file: Path) -> DataError:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                around = line[max(error.start - 12, 0) : error.start + 12].decode("latin-1").strip()
                message = f"line {number}: not UTF-8 (byte 0x{line[error.start]:02x} near {around!r})"
                return _refused(file, message, TO_UTF8)
    return _refused(file, "not UTF-8", TO_UTF8)


def trimmed(table: pa.Table) -> pa.Table:
    """Trim text cells, make blank ones and NaN null, unfold dictionary columns."""
    columns = []
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = pc.utf8_trim_whitespace(column.cast(pa.string()))
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        elif pa.types.is_null(column.type):
            column = column.cast(pa.string())
        elif pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        columns.append(column)
    return pa.table(columns, names=table.column_names)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _refused(file: Path, message: str, remedy: str = "") -> DataError:
    return DataError(str(file), [Problem("unreadable", message, remedy)])
