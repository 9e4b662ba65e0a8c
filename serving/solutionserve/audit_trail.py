"""Predictions into an audit log before they are told, those of requests side by side in one write."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from solutionserve.audit_log import AuditLogError, append, as_bytes, digest, digests
from solutionserve.errors import Code, ServingError, invalid

NOT_TOLD = "the audit log could not be written, and what is not logged is not told; see the server's log"
# Of an output with more numbers a hash is logged.
MOST_TOLD = 1000
log = logging.getLogger("solutionserve")
Entries = Callable[[], list[dict[str, Any]]]


class AuditTrail:
    """Adds what models said to an audit log; what could not be added must not be told.

    While one write is under way, the entries of other requests wait and are the next: a disk is waited for
    once for all of them.

    Args:
        file: The log; made where there is none.

    Raises:
        ServingError: The file is no audit log, or cannot be written.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._waiting: list[tuple[Entries, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        try:
            append(file, [])
        except (AuditLogError, OSError) as error:
            raise invalid(f"--audit_log: {_in_words(error, file)}") from None

    async def add(self, entries: Entries) -> None:
        """Come back when the entries are on the disk.

        Args:
            entries: Makes them, on a thread.

        Raises:
            ServingError: They could not be written.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entries, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await written

    async def _write(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            added = [False] * len(taken)
            try:
                added = await asyncio.to_thread(self._added, [entries for entries, _ in taken])
            except Exception:
                # Whatever it is, requests wait for an answer.
                log.exception("%s: nothing was added", self._file)
            for (_, written), there in zip(taken, added, strict=True):
                # Who was cancelled waits no longer; what was said is in the log all the same.
                if written.done():
                    continue
                if there:
                    written.set_result(None)
                else:
                    written.set_exception(ServingError(Code.UNAVAILABLE, NOT_TOLD))
        self._writing = None

    def _added(self, requests: list[Entries]) -> list[bool]:
        """Which requests are in the log, in one write; one that cannot be takes no other with it."""
        made: list[list[dict[str, Any]] | None] = []
        for entries in requests:
            try:
                made.append(entries())
            except Exception:
                log.exception("%s: a request's entries could not be made", self._file)
                made.append(None)
        try:
            append(self._file, [entry for entries in made for entry in entries or []])
        except (AuditLogError, OSError) as error:
            log.error("nothing was added: %s", _in_words(error, self._file))
            return [False] * len(requests)
        return [entries is not None for entries in made]


def entries_of(
    model: str,
    version: int,
    inputs: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
    rows: int | None,
) -> list[dict[str, Any]]:
    """What is logged of a request, an entry a row; of one without rows in common one.

    Args:
        model: Its name.
        version: Which one answered.
        inputs: What the model was given, by name.
        outputs: What it said, by name.
        rows: The first dimension of the inputs, if they share one.
    """
    if rows is None:
        inputs = {name: value[None] for name, value in inputs.items()}
        outputs = {name: value[None] for name, value in outputs.items()}
    count = 1 if rows is None else rows
    # What has another number of rows belongs to all of them.
    by_row = {name for name, value in outputs.items() if value.ndim and len(value) == count}
    known = digests(inputs, count)
    return [
        {
            "event": "prediction",
            "model": model,
            "version": str(version),
            "input": known[row],
            "output": {
                name: _plain(value[row] if name in by_row else value) for name, value in outputs.items()
            },
        }
        for row in range(count)
    ]


def _plain(value: Any) -> Any:
    """A value as JSON has it; of many numbers their hash."""
    if isinstance(value, np.ndarray) and value.size > MOST_TOLD:
        return {"sha256": digest([as_bytes(value)]), "shape": list(value.shape)}
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    told = np.asarray(value).tolist()
    if isinstance(told, list):
        return _plain(told[0]) if len(told) == 1 else [_plain(item) for item in told]
    return told.decode("utf-8", "backslashreplace") if isinstance(told, bytes) else told


def _in_words(error: Exception, file: Path) -> str:
    return f"{file}: {error.strerror}" if isinstance(error, OSError) else str(error)
