"""Files that a user names, written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

import pyarrow as pa
import pyarrow.csv


def is_stream(file: Path) -> bool:
    """Whether a path is there and no regular file, or is the standard output, whatever that leads to.

    Raises:
        OSError: The path cannot be looked at.
    """
    try:
        found = file.stat()
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(found.st_mode) or is_standard_output(file)


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
    draft = target.with_name(f".{target.name}.part")
    try:
        with draft.open("wb") as stream:
            yield stream
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def write_csv(table: pa.Table, file: Path) -> None:
    """Write a CSV."""
    with written(file) as stream:
        pyarrow.csv.write_csv(table, stream)
