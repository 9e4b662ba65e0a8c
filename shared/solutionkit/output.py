"""Files that a user names, written whole or not at all; and CSV that a spreadsheet only reads."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from solutionkit.cells import is_number

# What a spreadsheet takes for the begin of a formula (OWASP, CSV injection).
FORMULA = r"^[=+\-@\t\r\n]"


def is_stream(file: Path) -> bool:
    """Whether a path is a device, a pipe or the like, or is the standard output, whatever that leads to.

    Raises:
        OSError: The path cannot be looked at.
    """
    try:
        status = file.stat()
    except FileNotFoundError:
        return False
    plain = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return not plain or is_standard_output(file)


def is_standard_output(file: Path) -> bool:
    """Whether a path leads to where this process prints."""
    try:
        return os.path.samestat(file.stat(), os.fstat(1))
    except OSError:
        return False


def summary_to(file: Path) -> TextIO:
    """Where to say what was written to a file: not to the standard output, where the file may be that."""
    return sys.stderr if is_stream(file) else sys.stdout


@contextmanager
def written(file: Path) -> Iterator[IO[bytes]]:
    """A file to write: it appears whole or not at all, and a link to it stays one.

    A device, a pipe and the standard output cannot be replaced; they are written straight.
    """
    if is_stream(file):
        sys.stdout.flush()
        with os.fdopen(os.dup(1), "wb") if is_standard_output(file) else file.open("wb") as stream:
            yield stream
        return
    target = file.resolve()
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    draft = target.with_name(f".{target.name}.part")
    try:
        with draft.open("wb") as stream:
            yield stream
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def write_csv(table: pa.Table, file: Path) -> None:
    """Write a CSV; texts that a spreadsheet would run get a quote before them (see `plain_text`)."""
    names = plain_text(pa.array(table.column_names, pa.string())).to_pylist()
    columns = [plain_text(column) if pa.types.is_string(column.type) else column for column in table.columns]
    with written(file) as stream:
        pyarrow.csv.write_csv(pa.table(columns, names=names), stream)


def plain_text(texts: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Texts that a spreadsheet takes for text: a single quote stands before what would be a formula.

    Numbers stay as they are, so ids such as -12 can still be joined.
    """
    formula = pc.and_(pc.match_substring_regex(texts, FORMULA), pc.invert(is_number(texts)))
    quoted = pc.binary_join_element_wise("'", texts, "")
    return pc.if_else(pc.fill_null(formula, False), quoted, texts)
