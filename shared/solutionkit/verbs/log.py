"""Where the noise of libraries goes while people read progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner


class Spinning(Live):
    """A line that shows what is under way; what libraries write to standard error goes past it.

    rich's own status line would print it on the terminal: it puts itself in the place of `sys.stderr`.

    Args:
        console: Where it is shown, if that is a terminal.
        text: At first.
    """

    def __init__(self, console: Console, text: str) -> None:
        self._spinner = Spinner("dots", text)
        super().__init__(
            self._spinner,
            console=console,
            refresh_per_second=12.5,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def tell(self, text: str) -> None:
        """Show another text."""
        self._spinner.update(text=text)


@contextmanager
def stderr_to(log: Path) -> Iterator[None]:
    """Append all that is written to standard error, by C++ code too, to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
