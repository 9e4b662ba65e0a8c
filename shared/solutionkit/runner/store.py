"""The pipeline's memory, MLMD's store in one SQLite file: whether it can be used."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from solutionkit.errors import UserError

# The table that says of which version a store is.
VERSION_TABLE = "MLMDEnv"


def is_new(file: Path) -> bool:
    """Whether there is no store yet; MLMD makes one, also of an empty file."""
    return not file.exists() or (file.is_file() and file.stat().st_size == 0)


def check_store(file: Path) -> None:
    """Refuse a store that is damaged, or a database of something else, into which MLMD would write.

    Raises:
        UserError: With the remedy.
    """
    if is_new(file):
        return
    try:
        # Not read-only: what a killed run left half written is rolled back.
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True)) as database:
            (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = {name for (name,) in tables}
    except sqlite3.OperationalError as error:
        raise UserError(f"{file}: the pipeline's metadata cannot be opened: {error}.") from None
    except sqlite3.DatabaseError as error:
        raise unusable(file, str(error)) from None
    if answer != "ok":
        raise unusable(file, answer.splitlines()[-1])
    if names and VERSION_TABLE not in names:
        raise unusable(file, "a database of something else")


@contextmanager
def usable(file: Path) -> Iterator[None]:
    """Open a checked store within; what MLMD says against it becomes a user's error.

    Raises:
        UserError: With the remedy.
    """
    check_store(file)
    try:
        yield
    except RuntimeError as error:
        raise unusable(file, str(error).splitlines()[0].rpartition("with error: ")[2]) from None


def unusable(file: Path, fault: str) -> UserError:
    """What to say of a store that cannot be used."""
    return UserError(
        f"{file}: not a usable store of the pipeline's metadata ({fault.strip().rstrip('.')}); move or delete"
        " the file and run again: what was cached is computed anew, runs/ and models/ stay."
    )
