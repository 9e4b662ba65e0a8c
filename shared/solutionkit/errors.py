"""Errors that a user can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class UserError(Exception):
    """Something the user can mend: the message names the file, row or key, and the remedy.

    The command line prints the message without a stack trace and exits with 1.
    """


@dataclass(frozen=True)
class Problem:
    """One mistake in the data or in what is declared of it.

    Attributes:
        code: What kind of mistake it is, e.g. `missing_column`.
        message: What is wrong, a sentence without its full stop.
        remedy: What to do about it, if that is not plain.
        column: The column that it is in, if it is in one.
        rows: Positions of some rows that show it, from 0.
    """

    code: str
    message: str
    remedy: str = ""
    column: str | None = None
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class DataError(UserError):
    """The data does not fit its declaration.

    Args:
        source: The file or folder.
        problems: All that is wrong with it.
    """

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = list(problems)
        listed = "\n".join(f"  - {problem}" for problem in self.problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"{source}: {count}\n{listed}")


def unreadable(file: object, message: str, remedy: str = "") -> DataError:
    """A file that cannot be read.

    Args:
        file: Its path.
        message: Why, a sentence without its full stop.
        remedy: What to do about it.
    """
    return DataError(str(file), [Problem("unreadable", message, remedy)])


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the known word nearest to a wrong one, else nothing."""
    near = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""
