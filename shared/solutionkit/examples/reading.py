"""Files of tables -> Arrow tables, with errors that name the file and the row."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from solutionkit.errors import DataError, Problem, UserError, suggestion, unreadable
from solutionkit.examples.dialect import UNKNOWN, Dialect
from solutionkit.examples.header import MARK_NAMES, MARKS, check_names, header, why
from solutionkit.examples.opening import Utf8, inner_suffix, is_packed, not_utf8, survey
from solutionkit.examples.written import understood

# Decimal marks that go with what separates columns.
HINTS = {",": ".", ";": ","}
LONGEST_LINE = 1 << 30
SUFFIXES = {
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".xlsx": "Excel",
    ".xlsm": "Excel",
}
PACKABLE = ("CSV", "JSON lines")
FORMATS = "CSV, Excel, Parquet and JSON lines"


@dataclass(frozen=True)
class Read:
    """A table that was read.

    Attributes:
        table: Its cells: text is trimmed, empty ones are null, numbers have points and dates are in ISO 8601.
        dialect: How it was written.
        notes: What of that was found out, one sentence each.
        problems: What could mean two things.
    """

    table: pa.Table
    dialect: Dialect = UNKNOWN
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def whole(self, source: str, names: Collection[str] | None = None) -> pa.Table:
        """The table.

        Args:
            source: What to call it in errors.
            names: Columns that matter; without them all do.

        Raises:
            DataError: Something in them could mean two things.
        """
        problems = [item for item in self.problems if names is None or item.column in names]
        if problems:
            raise DataError(source, problems)
        return self.table


@dataclass
class Cells:
    """Cells as they stand in files, trimmed.

    Attributes:
        table: The cells.
        notes: What was found out about the files.
        mark: What separates the columns.
    """

    table: pa.Table
    notes: list[str] = field(default_factory=list)
    mark: str = MARKS[0]


def format_of(file: Path) -> str | None:
    """What kind of table a file's name says that it is; None where it is none that is read."""
    kind = SUFFIXES.get(inner_suffix(file))
    return kind if kind in PACKABLE or not is_packed(file) else None


def data_files(path: Path) -> list[Path]:
    """The files of tables that a path stands for: itself, or those of a folder, sorted.

    Raises:
        UserError: Nothing is there, or the format is another one.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if format_of(file) and not file.name.startswith("."))
        if not files:
            raise UserError(f"{path}: the folder holds no file of a table; {FORMATS} are read.")
        return files
    if not path.exists():
        near = suggestion(path.name, [file.name for file in path.parent.glob("*")])
        raise UserError(f"{path}: no such file{near}.")
    if format_of(path) is None:
        raise UserError(f"{path}: unknown format '{''.join(path.suffixes[-2:])}'; {FORMATS} are read.")
    return [path]


def read_table(path: Path, dialect: Dialect = UNKNOWN) -> pa.Table:
    """As `read`, the table alone.

    Raises:
        UserError: A file cannot be read, or something in it could mean two things.
    """
    return read(path, dialect).whole(str(path))


def read(path: Path, dialect: Dialect = UNKNOWN) -> Read:
    """Read a file, or a folder of files with the same columns.

    Args:
        path: The file or folder.
        dialect: What is known of how it is written; the rest is found out.

    Raises:
        UserError: A file is missing, empty, broken, in an unknown encoding, or the files' columns differ.
    """
    return told(read_cells(path, dialect), dialect)


def read_cells(path: Path, dialect: Dialect) -> Cells:
    """As `read`, but numbers and dates as they are written.

    Raises:
        UserError: As of `read`.
    """
    files = {file: _read_file(file, dialect) for file in data_files(path)}
    first_file, first = next(iter(files.items()))
    for file, item in files.items():
        if sorted(item.table.column_names) != sorted(first.table.column_names):
            differing = set(item.table.column_names) ^ set(first.table.column_names)
            message = f"its columns differ from those of {first_file.name}: {', '.join(sorted(differing))}"
            raise unreadable(file, message)
    notes = [note for item in files.values() for note in item.notes]
    tables = [item.table.select(first.table.column_names) for item in files.values()]
    return Cells(joined(tables, str(path)), notes, first.mark)


def told(cells: Cells, dialect: Dialect = UNKNOWN) -> Read:
    """Cells whose numbers and dates are brought into one form.

    Args:
        cells: As they are written.
        dialect: What is known of that.
    """
    found = understood(emptied(cells.table, dialect.missing), dialect, HINTS.get(cells.mark))
    known = replace(
        dialect, columns={**dialect.columns, **found.columns}, units={**dialect.units, **found.units}
    )
    return Read(found.table, known, (*cells.notes, *found.told()), tuple(found.problems))


def emptied(table: pa.Table, missing: Collection[str]) -> pa.Table:
    """A table without texts that mean that nothing is known."""
    if not missing:
        return table
    texts = pa.array(list(missing), pa.string())
    for place, name in enumerate(table.column_names):
        if pa.types.is_string(table[name].type):
            nothing = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
            table = table.set_column(
                place, name, pc.if_else(pc.is_in(table[name], texts), nothing, table[name])
            )
    return table


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


def _read_file(file: Path, dialect: Dialect) -> Cells:
    if file.stat().st_size == 0:
        raise unreadable(file, "the file is empty; it needs a header line and rows")
    kind = format_of(file)
    if kind == "CSV":
        found = _read_csv(file, dialect)
    elif kind == "Excel":
        from solutionkit.examples.workbook import read_sheet

        names, columns, notes = read_sheet(file, dialect.sheet)
        check_names(file, names, "name it, or delete what stands above the names")
        found = Cells(pa.table(columns, names=names), notes)
    else:
        try:
            found = Cells(pa.parquet.read_table(file) if kind == "Parquet" else _read_json(file))
        except (pa.ArrowInvalid, OSError, EOFError) as error:
            if "UTF8" in str(error):
                raise not_utf8(file) from None
            raise unreadable(file, f"not a readable {kind} file: {_first_line(error)}") from None
    if found.table.num_rows == 0:
        raise unreadable(file, "the file has a header but no rows")
    found.table = trimmed(found.table)
    return found


def _read_json(file: Path) -> pa.Table:
    """One object a line; a line may be as long as the file."""
    block = max(file.stat().st_size, 1 << 20)
    source = pa.OSFile(str(file))
    if is_packed(file):
        survey(file, "utf-8")
        source, block = pa.PythonFile(Utf8(file, "utf-8"), "r"), LONGEST_LINE
    table = pa.json.read_json(source, pa.json.ReadOptions(block_size=min(block, LONGEST_LINE)))
    for name in table.column_names:
        if pa.types.is_string(table[name].type):
            table[name].validate(full=True)
    return table


def _read_csv(file: Path, dialect: Dialect) -> Cells:
    looked = survey(file, dialect.encoding)
    first = header(file, dialect.delimiter, looked)
    names, mark = first.names, first.mark
    plain = looked.plain and not is_packed(file)
    source = pa.OSFile(str(file)) if plain else pa.PythonFile(Utf8(file, looked.encoding), "r")
    try:
        table = pa.csv.read_csv(
            source,
            read_options=pa.csv.ReadOptions(column_names=names, skip_rows=first.lines),
            parse_options=pa.csv.ParseOptions(delimiter=mark, newlines_in_values=looked.newlines),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error) or "UTF-8" in str(error):
            raise not_utf8(file) from None
        raise unreadable(file, f"not a readable CSV file: {why(error, file, looked, first)}") from None
    notes = []
    if looked.newlines and (count := _of_several_lines(table)):
        notes.append(f"{file.name}: {count:,} cells go on over several lines")
    if mark != MARKS[0]:
        notes.append(f"{file.name}: {MARK_NAMES.get(mark, repr(mark))} separates the columns")
    if looked.encoding != "utf-8":
        word = f", as in '{looked.example}'" if looked.example else ""
        notes.append(f"{file.name}: read as {looked.encoding}{word}")
    return Cells(table, notes, mark)


def _of_several_lines(table: pa.Table) -> int:
    columns = [pc.sum(pc.match_substring(column, "\n"), min_count=0).as_py() for column in table.columns]
    return int(sum(columns))


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
