"""gRPC's connections, as the system knows them: gRPC itself neither counts nor ends them for us.

A silent connection costs a descriptor. When descriptors become few, connections without a call under way are
shut down, those first that never made one, so that others can come in. Who only watches the server's health
counts as silent, and connects again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

CHECK_SECONDS, PAUSE_SECONDS = 0.05, 0.5
# Looking through all connections takes one part of the time in so many.
LOOKS_APART = 10
# Shares of what is allowed: above the first, connections are ended until the second is reached.
FULL, ROOM = 0.9, 0.3
FOLDER = Path("/proc/self/fd") if Path("/proc/self/fd").is_dir() else Path("/dev/fd")
IPV4_IN_IPV6 = "::ffff:"
# Where Linux's `struct tcp_info` has `tcpi_bytes_received`.
BYTES_RECEIVED = 128
INTERNET = (socket.AF_INET, socket.AF_INET6)
log = logging.getLogger("solutionserve")


class GrpcConnections:
    """Watches the connections of one port.

    Args:
        port: The gRPC port.
        most: Connections at the same time.
        busy: The peers with a call under way, as gRPC names them.
    """

    def __init__(self, port: int, most: int, busy: Callable[[], set[str]]) -> None:
        self._port = port
        self._most = most
        self._busy = busy
        # Peers that have made calls, the latest last; the rest only connected.
        self._called: dict[str, None] = {}
        # The descriptors of peers, as they were when last looked through.
        self._numbers: dict[str, int] = {}
        self._look_at = 0.0

    def called(self, peer: str) -> None:
        """Take note of a call."""
        self._called.pop(peer, None)
        self._called[peer] = None
        if len(self._called) > 2 * self._most:
            del self._called[next(iter(self._called))]

    async def watch(self) -> None:
        """Make room where it becomes scarce, for ever."""
        pause = CHECK_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = CHECK_SECONDS
            try:
                if len(descriptors()) > FULL * self._most and not self.make_room():
                    pause = PAUSE_SECONDS  # they are of something else
            except OSError as error:
                log.error("the connections cannot be looked at: %s", error)
                pause = PAUSE_SECONDS

    def make_room(self) -> bool:
        """End silent connections; whether there were too many."""
        peers = [name for name, _, _ in sockets(self._port)]
        if len(peers) <= FULL * self._most:
            return False
        busy = self._busy()
        order = {name: position for position, name in enumerate(self._called)}
        silent = sorted((name for name in peers if name not in busy), key=lambda name: order.get(name, -1))
        self.hang_up(*silent[: len(peers) - int(ROOM * self._most)])
        return True

    def received(self, peers: set[str]) -> dict[str, int | None]:
        """The bytes that connections have sent so far.

        None where nothing can tell; a connection that has not been found yet is left out. Thousands of
        connections take long to look through, so that is done for a small share of the time only.
        """
        if sys.platform != "linux":
            return dict.fromkeys(peers)
        unread: dict[str, int | None] = {
            name: None for name in peers if not name.startswith(("ipv4:", "ipv6:"))
        }
        if not peers <= self._numbers.keys() | unread.keys() and time.monotonic() >= self._look_at:
            began = time.monotonic()
            self._numbers = {name: number for name, _, number in sockets(self._port)}
            self._look_at = began + (1 + LOOKS_APART) * (time.monotonic() - began)
        numbers = [self._numbers[name] for name in peers if name in self._numbers]
        # A number may belong to another connection by now, which is told by its name.
        for name, item, _ in sockets(self._port, numbers):
            if name in peers:
                unread[name] = bytes_received(item)
        return unread

    def hang_up(self, *peers: str) -> None:
        """End connections."""
        ended = set(peers)
        for name, item, _ in sockets(self._port):
            if name in ended:
                with contextlib.suppress(OSError):
                    item.shutdown(socket.SHUT_RDWR)

    def end_all(self, path: Path | None = None) -> None:
        """Let nobody in any more, and end all connections, of the Unix socket at `path` too.

        gRPC, told to stop, cancels the calls that it has accepted and not begun, which clients take for
        their own doing. Whose connection ends learns that the server is unavailable.
        """
        for listening in (1, 0):
            for item, _ in open_sockets(descriptors()):
                with contextlib.suppress(OSError):
                    local = item.getsockname()
                    ours = local[1] == self._port if item.family in INTERNET else local == str(path)
                    if ours and item.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == listening:
                        item.shutdown(socket.SHUT_RDWR)


def bytes_received(connection: socket.socket) -> int | None:
    """The bytes that have come on a connection, where Linux is new enough to tell."""
    known = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("Q", known, BYTES_RECEIVED)[0] if len(known) >= BYTES_RECEIVED + 8 else None


def sockets(port: int, numbers: Iterable[int] | None = None) -> Iterator[tuple[str, socket.socket, int]]:
    """This process's connections on a port.

    Args:
        port: The port.
        numbers: The descriptors to look at; all, if it is None.

    Yields:
        The peer as gRPC names it, the socket, for the moment, and its descriptor.
    """
    for item, number in open_sockets(descriptors() if numbers is None else numbers):
        try:
            local, remote = item.getsockname(), item.getpeername()
        except OSError:
            continue
        if item.family in INTERNET and local[1] == port:
            address = remote[0].removeprefix(IPV4_IN_IPV6)
            host = f"ipv6:%5B{quote(address, safe=':')}%5D" if ":" in address else f"ipv4:{address}"
            yield f"{host}:{remote[1]}", item, number


def open_sockets(numbers: Iterable[int]) -> Iterator[tuple[socket.socket, int]]:
    """The sockets among descriptors, each for the moment, with its descriptor."""
    for number in numbers:
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            # A copy, closed at once: descriptors are what is scarce.
            item = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        with item:
            yield item, number


def descriptors() -> list[int]:
    """The numbers of the open descriptors."""
    with os.scandir(FOLDER) as entries:
        return [int(entry.name) for entry in entries]
