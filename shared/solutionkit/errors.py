"""Errors that a user can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend: the message names the file, row or key, and the remedy.

    The command line prints the message without a stack trace and exits with 1.
    """


class DataError(UserError):
    """The data does not fit its declaration.

    Attributes:
        problems: One readable sentence a problem.
    """

    def __init__(self, source: str, problems: Iterable[str]) -> None:
        self.source = source
        self.problems = list(problems)
        listed = "\n".join(f"  - {problem}" for problem in self.problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"{source}: {count}\n{listed}")


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the known word nearest to a wrong one, else nothing."""
    near = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""
