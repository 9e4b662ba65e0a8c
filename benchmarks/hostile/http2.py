"""A client's side of HTTP/2, for clients that break its rules."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import Iterable
from typing import Self

from benchmarks.hostile.attack import Scene

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, _, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACKNOWLEDGED, END_HEADERS = 1, 1, 4
INITIAL_WINDOW = 4
LARGEST_FRAME = 16_384
PREDICT = "/tensorflow.serving.PredictionService/Predict"
# Good enough without Huffman codes, which grpc does not use: the first such header of a connection.
STATUS = re.compile(rb"grpc-status[\x01\x02](\d+)")


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """A frame."""
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


def setting(name: int, value: int) -> bytes:
    """One setting, for a SETTINGS frame."""
    return struct.pack(">HI", name, value)


def header(name: str, value: str) -> bytes:
    """A header field, not indexed and not packed."""
    return b"\0" + _text(name) + _text(value)


def grpc_headers(path: str = PREDICT, **further: str) -> bytes:
    """The header block of a gRPC request."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
        **{name.replace("_", "-"): value for name, value in further.items()},
    }
    return b"".join(header(name, value) for name, value in fields.items())


def prefixed(size: int, compressed: bool = False) -> bytes:
    """What stands before a gRPC message of this size."""
    return struct.pack(">BI", compressed, size)


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, length = len(data) - 127, bytearray([127])
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*length, rest]) + data


class Connection:
    """A connection that heeds the server's windows and answers its pings, but gives no windows of its own.

    Args:
        scene: Where bytes and answers are counted.
        reader: From the server.
        writer: To the server.
        reads: Whether to read at all what the server says.
    """

    def __init__(
        self, scene: Scene, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reads: bool
    ) -> None:
        self.closed = False
        self._scene = scene
        self._reader, self._writer = reader, writer
        self._window, self._initial = 65_535, 65_535
        self._windows: dict[int, int] = {}
        self._over: set[int] = set()
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._read()) if reads else None

    @classmethod
    async def open(cls, scene: Scene, settings: bytes = b"", reads: bool = True) -> Self:
        """Connect, and send the preface and the settings."""
        reader, writer = await asyncio.open_connection(scene.host, scene.grpc, limit=1 << 16)
        made = cls(scene, reader, writer, reads)
        await made.write(PREFACE + frame(SETTINGS, payload=settings))
        return made

    async def write(self, data: bytes) -> None:
        """Send frames as they are.

        Raises:
            OSError: The server has closed the connection.
        """
        if self.closed:
            raise ConnectionResetError("closed by the server")
        self._writer.write(data)
        await self._writer.drain()
        self._scene.sent += len(data)

    async def begin(self, stream: int, headers: bytes) -> None:
        """Begin a request."""
        self._windows[stream] = self._initial
        await self.write(frame(HEADERS, END_HEADERS, stream, headers))

    async def body(self, stream: int, parts: Iterable[bytes], end: bool = True) -> None:
        """Send a request's body as fast as the server's windows allow, until the server has answered."""
        for part in parts:
            start = 0
            while start < len(part):
                if stream in self._over or self.closed:
                    return
                room = min(self._window, self._windows[stream], LARGEST_FRAME, len(part) - start)
                if room <= 0:
                    await self._changed.wait()
                    continue
                self._window -= room
                self._windows[stream] -= room
                await self.write(frame(DATA, 0, stream, part[start : start + room]))
                start += room
        if end:
            await self.write(frame(DATA, END_STREAM, stream))

    async def answered(self, stream: int) -> None:
        """Wait for the end of an answer, or of the connection."""
        while stream not in self._over and not self.closed:
            await self._changed.wait()

    def close(self) -> None:
        """End the connection."""
        if self._task:
            self._task.cancel()
        self._writer.close()

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(9)
                payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
                await self._heed(head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF, payload)
        except (asyncio.IncompleteReadError, OSError):
            self._scene.got["connection closed"] += 1
        finally:
            self.closed = True
            self._wake()

    async def _heed(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACKNOWLEDGED:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == INITIAL_WINDOW:
                    change, self._initial = value - self._initial, value
                    self._windows = {key: size + change for key, size in self._windows.items()}
            await self.write(frame(SETTINGS, ACKNOWLEDGED))
        elif kind == PING and not flags & ACKNOWLEDGED:
            await self.write(frame(PING, ACKNOWLEDGED, 0, payload))
        elif kind == WINDOW_UPDATE:
            size = int.from_bytes(payload, "big")
            if stream:
                self._windows[stream] = self._windows.get(stream, self._initial) + size
            else:
                self._window += size
        elif kind == GOAWAY:
            self._scene.got[f"goaway {int.from_bytes(payload[4:8], 'big')}"] += 1
        elif kind == RESET:
            self._end(stream, f"reset {int.from_bytes(payload, 'big')}")
        elif kind == HEADERS:
            found = STATUS.search(payload)
            if flags & END_STREAM:
                self._end(stream, f"status {int(found[1])}" if found else "answered")
        self._wake()

    def _end(self, stream: int, how: str) -> None:
        if stream not in self._over:
            self._over.add(stream)
            self._scene.got[how] += 1

    def _wake(self) -> None:
        old, self._changed = self._changed, asyncio.Event()
        old.set()
