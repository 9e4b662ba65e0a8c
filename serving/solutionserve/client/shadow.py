"""A shadow: a second version is asked too, and only counted."""

from __future__ import annotations

import contextlib
import logging
import queue
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

log = logging.getLogger("solutionserve.shadow")
SAID_EVERY = 100


class Asked(Protocol):
    """Something that predicts, such as a `Client` of the canary."""

    def predict(self, rows: Any) -> Any:
        """The outputs for rows."""
        ...


@dataclass(frozen=True)
class ShadowReport:
    """How a shadow compares.

    Attributes:
        requests: Requests that both versions answered.
        rows: Rows in them.
        differing_requests: Requests with a difference larger than the tolerance.
        differing_rows: Rows with one.
        largest_difference: Largest absolute difference of a number.
        failed: Requests that the shadow did not answer.
        dropped: Requests it was not asked because it was behind.
        last_failure: The last failure's message.
    """

    requests: int = 0
    rows: int = 0
    differing_requests: int = 0
    differing_rows: int = 0
    largest_difference: float = 0.0
    failed: int = 0
    dropped: int = 0
    last_failure: str = ""

    def __str__(self) -> str:
        share = self.differing_rows / self.rows if self.rows else 0.0
        return (
            f"{self.requests:,} requests of {self.rows:,} rows asked of both; {share:.2%} of the rows differ"
            f" (largest difference {self.largest_difference:.3g}); {self.failed:,} failed,"
            f" {self.dropped:,} not asked" + (f"; last failure: {self.last_failure}" if self.failed else "")
        )


class Shadow:
    """Asks a second version what the first has answered, on a thread of its own.

    Nothing it does reaches the user's request: it is told after the answer, never waits, drops what it
    cannot keep up with, and logs failures instead of raising them.

        shadow = Shadow(Client(address, model, label="canary"))
        client = Client(address, model, label="stable", shadow=shadow)

    Args:
        canary: A client of the second version.
        share: Share of the requests that it is asked.
        tolerance: Differences up to this are none.
        waiting: Requests that may wait for it.
    """

    def __init__(self, canary: Asked, share: float = 1.0, tolerance: float = 1e-3, waiting: int = 64) -> None:
        self._canary = canary
        self._share = share
        self._tolerance = tolerance
        self._report = ShadowReport()
        self._lock = threading.Lock()
        self._waiting: queue.Queue[tuple[Any, dict[str, np.ndarray]] | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    def observe(self, rows: Mapping[str, Any], outputs: dict[str, np.ndarray]) -> None:
        """Take note of columns and the answer to them; returns at once."""
        if random.random() >= self._share:
            return
        try:
            self._waiting.put_nowait((rows, outputs))
        except queue.Full:
            self._count(dropped=1)

    def report(self) -> ShadowReport:
        """The counts so far."""
        with self._lock:
            return self._report

    def close(self, seconds: float = 5.0) -> ShadowReport:
        """Finish what waits, for so long at most; returns the counts, the rest as dropped."""
        end = time.monotonic() + seconds
        while not self._waiting.empty() and time.monotonic() < end:
            time.sleep(0.01)
        with contextlib.suppress(queue.Empty):
            while self._waiting.get_nowait() is not None:
                self._count(dropped=1)
        self._waiting.put(None)
        self._thread.join(max(end - time.monotonic(), 0.0))
        log.info("%s", self.report())
        return self.report()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            rows, outputs = item
            try:
                self._compare(outputs, self._canary.predict(rows))
            except Exception as error:
                self._count(failed=1, last_failure=str(error))
                if self.report().failed % SAID_EVERY == 1:
                    log.warning("the shadow did not answer: %s", error)
            if self.report().requests % SAID_EVERY == SAID_EVERY - 1:
                log.info("%s", self.report())

    def _compare(self, outputs: dict[str, np.ndarray], other: Any) -> None:
        rows = len(next(iter(outputs.values())))
        differs, largest = np.zeros(rows, bool), 0.0
        for name, value in outputs.items():
            mine = value.reshape(rows, -1)
            theirs = np.asarray(other[name]).reshape(rows, -1)
            if mine.dtype.kind in "fiu":
                distance = np.abs(mine.astype(np.float64) - theirs)
                distance[np.isnan(mine.astype(np.float64)) & np.isnan(theirs.astype(np.float64))] = 0.0
                distance[mine == theirs] = 0.0
                distance[np.isnan(distance)] = np.inf
                largest = max(largest, float(distance.max(initial=0.0)))
                differs |= (distance > self._tolerance).any(axis=1)
            else:
                differs |= (mine != theirs).any(axis=1)
        self._count(
            requests=1,
            rows=rows,
            differing_requests=int(differs.any()),
            differing_rows=int(differs.sum()),
            largest_difference=largest,
        )

    def _count(self, largest_difference: float = 0.0, last_failure: str = "", **more: int) -> None:
        with self._lock:
            now = self._report
            self._report = replace(
                now,
                largest_difference=max(now.largest_difference, largest_difference),
                last_failure=last_failure or now.last_failure,
                **{name: getattr(now, name) + count for name, count in more.items()},
            )
