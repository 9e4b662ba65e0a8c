"""A log of what a model said and who decided otherwise: only added to, each line chained to the one before.

Each line is JSON with the SHA-256 of itself and of the line before, so that a line that was changed, removed
or put between shows (S. Haber, W. Stornetta, "How to time-stamp a digital document", 1991). What was cut off
at the end shows only to who kept the last line's hash elsewhere. No line says whose input it was: it is known
by its hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from solutionkit.errors import UserError

START = "0" * 64
BLOCK = 1 << 16


@dataclass(frozen=True)
class Verified:
    """What a log holds.

    Attributes:
        lines: How many.
        head: The last line's hash; `START` of an empty log.
        fault: The first line that does not hold, and why; nothing where all do.
    """

    lines: int
    head: str
    fault: str = ""


def append(file: Path, entries: Iterable[dict[str, Any]]) -> Verified:
    """Add entries, all or none, and see them on the disk.

    An unfinished last line, of a machine that stopped while it wrote, was told to nobody: it is cut off.

    Args:
        file: The log; made where there is none.
        entries: What happened, each without `number`, `time`, `previous` and `hash`.

    Raises:
        UserError: The last line is none of a log.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        number, previous = _end(stream, file)
        lines = []
        for entry in entries:
            number += 1
            line = _chained({"number": number, "time": _now(), **entry, "previous": previous})
            previous = line["hash"]
            lines.append(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n")
        start = stream.seek(0, os.SEEK_END)
        try:
            stream.write("".join(lines).encode())
            stream.flush()
            os.fsync(stream.fileno())
        except OSError:
            # All or none.
            stream.truncate(start)
            raise
    return Verified(number, previous)


def verify(file: Path) -> Verified:
    """Whether each line is what was written, in the order in which it was.

    Raises:
        UserError: There is no such file.
    """
    number, previous = 0, START
    for row, text in enumerate(_lines(file), start=1):
        try:
            line = json.loads(text)
            told = line.pop("hash")
        except (ValueError, KeyError, AttributeError, TypeError):
            return Verified(number, previous, f"line {row} is no line of a log, or unfinished")
        if _hash(line) != told:
            return Verified(number, previous, f"line {row} was changed after it was written")
        if line["previous"] != previous or line["number"] != number + 1:
            why = f"it follows number {line['number'] - 1}, which is not what stands before it"
            return Verified(number, previous, f"line {row}: {why}: lines were removed, moved or put between")
        number, previous = line["number"], told
    return Verified(number, previous)


def entry_of(file: Path, number: int) -> dict[str, Any]:
    """One entry.

    Raises:
        UserError: There is none of that number.
    """
    for text in _lines(file):
        line: dict[str, Any] = json.loads(text)
        if line.get("number") == number:
            return line
    raise UserError(f"{file}: there is no entry {number}.")


def digest(parts: Iterable[bytes]) -> str:
    """The SHA-256 by which an input is known."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            yield from stream
    except FileNotFoundError:
        raise UserError(f"{file}: no such file; `solutionkit predict --audit-log` makes one.") from None


def _end(stream: BinaryIO, file: Path) -> tuple[int, str]:
    """The last line's number and hash, after an unfinished one was cut off."""
    size = stream.seek(0, os.SEEK_END)
    tail, start = b"", size
    while start > 0 and tail.count(b"\n") < 2:
        start = max(start - BLOCK, 0)
        stream.seek(start)
        tail = stream.read(size - start)
    if not tail.endswith(b"\n"):
        kept = tail.rfind(b"\n") + 1
        stream.truncate(start + kept)
        tail = tail[:kept]
    if not tail:
        return 0, START
    try:
        line = json.loads(tail.splitlines()[-1])
        return int(line["number"]), str(line["hash"])
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{file}: its last line is none of an audit log; name another file, or see `solutionkit audit"
            " verify`."
        ) from None


def _chained(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "hash": _hash(line)}


def _hash(line: dict[str, Any]) -> str:
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
