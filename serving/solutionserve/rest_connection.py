"""One HTTP connection: uvicorn's protocol with limits on headers, silence and the number of connections.

uvicorn reads headers of any length for as long as a client likes to send them, keeps what a client does not
read, and takes any number of connections.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_BYTES = 1 << 16
# Requests that may wait behind the one that is being answered.
MOST_PIPELINED = 8
# Seconds for a request's headers to arrive, and in which some of an answer must be read.
HEADER_SECONDS, READ_SECONDS = 10.0, 30.0
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Connection(HttpToolsProtocol):
    """A connection that is closed when it takes too much or too long.

    Attributes:
        most: Connections at the same time; a new one beyond them takes the place of the longest silent one.
    """

    most = 4096

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start, if there is a place."""
        super().connection_made(transport)
        # Bytes since the last part of a body: headers, trailers and what goes with chunks.
        self._around_body = 0
        self._in_body = False
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        if len(self.connections) > self.most and not self._take_place():
            transport.abort()
            return
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._cancel_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, headers only up to a limit."""
        self._around_body += len(data)
        if not self._in_body and self._timer is None:
            self._await_headers()
        super().data_received(data)
        if self._around_body > HEADER_BYTES and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """A request's body follows."""
        self._in_body = True
        if len(self.pipeline) >= MOST_PIPELINED:
            # Each answer would let in another reading of what the client sends ahead.
            self.transport.abort()
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        self._around_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The next request's headers may follow."""
        super().on_message_complete()
        self._in_body = False
        self._around_body = 0

    def pause_writing(self) -> None:
        """The client does not read what it asked for."""
        super().pause_writing()
        if self._unread is None:
            self._expect_reading()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _expect_reading(self) -> None:
        waiting = self.transport.get_write_buffer_size()  # type: ignore[attr-defined]

        def look() -> None:
            if self.transport.get_write_buffer_size() < waiting:  # type: ignore[attr-defined]
                self._expect_reading()
            else:
                self.transport.abort()

        self._unread = self.loop.call_later(READ_SECONDS, look)

    @property
    def silent(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def _take_place(self) -> bool:
        """Close the connection that is silent for longest."""
        others: Any = self.connections - {self}
        waiting = [item for item in others if item.silent]
        if not waiting:
            return False
        oldest = min(waiting, key=lambda item: item.since)
        oldest.transport.abort()
        return True

    def _await_headers(self) -> None:
        self.since = self.loop.time()
        self._timer = self.loop.call_later(HEADER_SECONDS, self._late)

    def _late(self) -> None:
        # Of a connection kept alive uvicorn has its own timer.
        self._timer = None
        if not self._in_body and (self._around_body or self.cycle is None):
            self.transport.abort()

    def _cancel_timers(self) -> None:
        for timer in (self._timer, self._unread):
            if timer is not None:
                timer.cancel()
        self._timer = self._unread = None
