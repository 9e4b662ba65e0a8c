"""A CSV's first line: what separates the columns, and what they are called."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from solutionkit.errors import DataError, Problem, unreadable
from solutionkit.examples.opening import Survey, Utf8, survey

# What separates a CSV's columns, the likeliest first.
MARKS = ",;\t|"
MARK_NAMES = {"\t": "a tab", " ": "a blank"}
LOOKED_AT_LINES = 50


@dataclass(frozen=True)
class Header:
    """A CSV's first line, or its first two where Excel's `sep=;` comes first.

    Attributes:
        names: The columns.
        mark: What separates them.
        lines: How many lines it takes.
    """

    names: list[str]
    mark: str
    lines: int = 1


def header(path: Path, delimiter: str | None = None, looked: Survey | None = None) -> Header:
    """A CSV's column names, and what separates them.

    Args:
        path: The file.
        delimiter: The separator that is declared, if one is.
        looked: What a look at the file showed.

    Raises:
        DataError: The file is empty, in an unknown encoding, what separates is open, or a name is empty or
            doubled.
    """
    looked = looked or survey(path)
    with io.TextIOWrapper(io.BufferedReader(Utf8(path, looked.encoding)), "utf-8-sig", newline="") as text:
        lines = list(itertools.islice(text, LOOKED_AT_LINES))
    stated = re.fullmatch(r"sep=(.)\s*", lines[0]) if lines else None
    lines = lines[1:] if stated else lines
    mark = delimiter or (stated[1] if stated else _mark(path, lines))
    try:
        first = next(csv.reader(lines, delimiter=mark), [])
    except csv.Error as error:
        raise unreadable(path, f"line 1 is no line of a CSV file: {error}") from None
    names = [name.strip() for name in first]
    if not names:
        raise unreadable(path, "line 1 is blank; it must name the columns")
    if any("\n" in name for name in names):
        raise unreadable(path, "line 1: a column's name goes on in the next line; shorten it")
    check_names(path, names)
    return Header(names, mark, 2 if stated else 1)


def check_names(
    path: Path,
    names: list[str],
    remedy: str = "name it; pandas writes its index so, which index=False leaves out",
) -> None:
    """Refuse a header with columns that have no name, or the same.

    Raises:
        DataError: It has.
    """
    if "" in names:
        raise unreadable(path, f"line 1: column {names.index('') + 1} has no name", remedy)
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DataError(
            str(path),
            [
                Problem("doubled_column", f"line 1: the column '{name}' stands twice", column=name)
                for name in doubled
            ],
        )


def _mark(path: Path, lines: list[str]) -> str:
    """What separates columns: what parts the first lines most often into as many as the header has.

    Raises:
        DataError: Two do.
    """

    def fit(mark: str) -> tuple[bool, float]:
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
        except csv.Error:
            return False, 0.0
        if not counts or counts[0] < 2:
            return False, 0.0
        return True, sum(count == counts[0] for count in counts) / len(counts)

    fits = {mark: fit(mark) for mark in MARKS}
    best = max(MARKS, key=lambda mark: fits[mark])
    alike = [repr(mark) for mark, found in fits.items() if found == fits[best] and found[0]]
    if len(alike) > 1:
        message = f"{' or '.join(alike)} may separate the columns"
        raise unreadable(path, message, 'say which under [data], e.g. delimiter = ";"')
    return best


def why(error: Exception, file: Path, looked: Survey, first: Header) -> str:
    """What is wrong with a CSV, and in which line; what stands there is nobody's business.

    Args:
        error: What Arrow says.
        file: The CSV.
        looked: What a look at it showed.
        first: Its header.
    """
    with io.TextIOWrapper(io.BufferedReader(Utf8(file, looked.encoding)), "utf-8", newline="") as text:
        rows = csv.reader(text, delimiter=first.mark)
        with contextlib.suppress(csv.Error):
            for row in rows:
                if row and len(row) != len(first.names) and rows.line_num > first.lines:
                    return f"line {rows.line_num} has {len(row)} cells, the header {len(first.names)}"
    return re.sub(r"(Expected \d+ columns, got \d+).*", r"\1", str(error).splitlines()[0])
