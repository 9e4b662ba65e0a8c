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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from typing import Any

import numpy as np

START = "0" * 64
# How long the last lines may be, and how each begins.
LONGEST, BEGIN = 1 << 20, b'{"'


class AuditLogError(Exception):
    """A file that is no such log, or lacks what is asked for; one sentence."""


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
        AuditLogError: The file is no log.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        number, previous, start = _end(stream, file)
        lines = []
        for entry in entries:
            number += 1
            line = _chained({"number": number, "time": _now(), **entry, "previous": previous})
            previous = line["hash"]
            lines.append(_written(line))
            if len(lines[-1]) > LONGEST // 2:
                raise AuditLogError(f"{file}: an entry of {len(lines[-1]):,} bytes is too long for the log.")
        os.ftruncate(stream.fileno(), start)
        try:
            rest = memoryview(b"".join(lines))
            while rest:
                rest = rest[os.write(stream.fileno(), rest) :]
            os.fsync(stream.fileno())
        except OSError:
            # All or none.
            os.ftruncate(stream.fileno(), start)
            raise
    return Verified(number, previous)


def verify(file: Path, head: str = "") -> Verified:
    """Whether each line is what was written, in the order in which it was.

    Who changes a line and works all later hashes out anew is found out alone by a hash kept elsewhere.

    Args:
        file: The log.
        head: A line's hash that was kept elsewhere, which must be there.

    Raises:
        AuditLogError: There is no such file.
    """
    number, previous, seen = 0, START, not head
    for row, text in enumerate(_lines(file), start=1):
        try:
            line = json.loads(text)
            told = line.pop("hash")
            own, before = int(line["number"]), str(line["previous"])
        except (ValueError, KeyError, AttributeError, TypeError):
            return Verified(number, previous, f"line {row} is no line of a log, or unfinished")
        if _hash(line) != told or _written({**line, "hash": told}) != text:
            return Verified(number, previous, f"line {row} was changed after it was written")
        if before != previous or own != number + 1:
            why = f"it follows number {own - 1}, which is not what stands before it"
            return Verified(number, previous, f"line {row}: {why}: lines were removed, moved or put between")
        number, previous, seen = own, told, seen or told == head
    return Verified(
        number, previous, "" if seen else f"no line has the hash {head}: lines were cut or changed"
    )


def entry_of(file: Path, number: int) -> dict[str, Any]:
    """One entry.

    Raises:
        AuditLogError: There is none of that number.
    """
    for text in _lines(file):
        line: dict[str, Any] = json.loads(text)
        if line.get("number") == number:
            return line
    raise AuditLogError(f"{file}: there is no entry {number}.")


def digest(parts: Iterable[bytes]) -> str:
    """The SHA-256 by which an input is known."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


def digests(inputs: Mapping[str, Any], rows: int) -> list[str]:
    """By which each row of inputs is known, whoever asks and in whatever order.

    Args:
        inputs: By name, `(rows, …)` each.
        rows: How many.
    """
    found = [hashlib.sha256() for _ in range(rows)]
    for name in sorted(inputs):
        for known, part in zip(found, row_bytes(inputs[name], rows), strict=True):
            known.update(len(part).to_bytes(8, "big"))
            known.update(part)
    return [known.hexdigest() for known in found]


def row_bytes(values: Any, rows: int) -> Iterable[bytes]:
    """`as_bytes` of each row of values.

    Args:
        values: `(rows, …)`.
        rows: How many.
    """
    if not isinstance(values, np.ndarray) or values.dtype == object or values.dtype.kind in "US":
        return (as_bytes(values[row]) for row in range(rows))
    # Numbers lie side by side.
    head = f"{values.dtype} {values.shape[1:]} ".encode()
    content = np.ascontiguousarray(values).tobytes()
    size = len(content) // max(rows, 1)
    return (head + content[row * size : (row + 1) * size] for row in range(rows))


def as_bytes(cell: Any) -> bytes:
    """A cell's bytes, of numbers with their type and shape."""
    if isinstance(cell, bytes | str):
        return cell if isinstance(cell, bytes) else cell.encode("utf-8", "surrogatepass")
    values = np.asarray(cell)
    if values.dtype == object:
        return digest(as_bytes(item) for item in values.ravel()).encode()
    return f"{values.dtype} {values.shape} ".encode() + values.tobytes()


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            yield from stream
    except FileNotFoundError:
        raise AuditLogError(
            f"{file}: no such file; `predict` and `serve` make one with --audit-log."
        ) from None


def _end(stream: RawIOBase, file: Path) -> tuple[int, str, int]:
    """The last whole line's number and hash, and where it ends."""
    size = stream.seek(0, os.SEEK_END)
    start = max(size - LONGEST, 0)
    stream.seek(start)
    tail = stream.read(size - start) or b""
    whole = tail[: tail.rfind(b"\n") + 1]
    torn = tail[len(whole) :]
    try:
        # What was cut off while it was written begins as lines do.
        if torn and not torn.startswith(BEGIN[: len(torn)]):
            raise ValueError
        if not whole:
            if start:
                raise ValueError
            return 0, START, 0
        line = json.loads(whole.splitlines()[-1])
        return int(line["number"]), str(line["hash"]), size - len(torn)
    except (ValueError, KeyError, TypeError):
        raise AuditLogError(
            f"{file}: it is no audit log, or its end is damaged; name another file, or see `solutionkit audit"
            " verify`."
        ) from None


def _written(line: dict[str, Any]) -> bytes:
    return json.dumps(line, sort_keys=True).encode() + b"\n"


def _chained(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "hash": _hash(line)}


def _hash(line: dict[str, Any]) -> str:
    text = json.dumps(line, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
