"""How far a long piece of work is: told by what does it, heard by whoever shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Below this share what is left is a guess.
LEAST_SHARE = 0.02

_listeners: list[Callable[[float], None]] = []


@contextmanager
def listening(listener: Callable[[float], None]) -> Iterator[None]:
    """Call a function with the share that is done, from 0 to 1, whenever it is told."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class Progress:
    """Counts steps of a piece of work whose number is known, at least at most.

    Args:
        total: Steps.
    """

    def __init__(self, total: float) -> None:
        self._total, self._done = max(total, 1.0), 0.0

    def step(self, count: float = 1.0) -> None:
        """So many steps more are done."""
        self._done += count
        for listener in _listeners:
            listener(min(self._done / self._total, 1.0))

    def skip(self, count: float) -> None:
        """So many steps will not be needed."""
        self._total = max(self._total - count, self._done, 1.0)
        self.step(0.0)


class TimeLeft:
    """What share of the time is left, in words, from shares that are told.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._started = clock, clock()

    def words(self, share: float) -> str:
        """As `42 %, about 3 min left`; nothing while too little is done to tell."""
        spent = self._clock() - self._started
        if share < LEAST_SHARE:
            return ""
        if share >= 1.0:
            return "finishing"
        left = spent * (1.0 - share) / share
        told = f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
        return f"{share:.0%}, about {told} left"
