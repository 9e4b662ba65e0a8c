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
from collections.abc import Callable, Iterator
from pathlib import Path

CHECK_SECONDS, PAUSE_SECONDS = 0.05, 0.5
# Shares of what is allowed: above the first, connections are ended until the second is reached.
FULL, ROOM = 0.9, 0.3
FOLDER = Path("/proc/self/fd") if Path("/proc/self/fd").is_dir() else Path("/dev/fd")
IPV4_IN_IPV6 = "::ffff:"
# Where Linux's `struct tcp_info` has `tcpi_bytes_received`.
BYTES_RECEIVED = 128
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
        found = [name for name, _ in sockets(self._port)]
        if len(found) <= FULL * self._most:
            return False
        busy = self._busy()
        order = {name: position for position, name in enumerate(self._called)}
        silent = sorted((name for name in found if name not in busy), key=lambda name: order.get(name, -1))
        self.hang_up(*silent[: len(found) - int(ROOM * self._most)])
        return True

    def received(self, peers: set[str]) -> dict[str, int]:
        """The bytes that connections have sent so far, of those that are known and where the system tells."""
        counts = {name: bytes_received(item) for name, item in sockets(self._port) if name in peers}
        return {name: count for name, count in counts.items() if count is not None}

    def hang_up(self, *peers: str) -> None:
        """End connections."""
        ended = set(peers)
        for name, item in sockets(self._port):
            if name in ended:
                with contextlib.suppress(OSError):
                    item.shutdown(socket.SHUT_RDWR)


def bytes_received(connection: socket.socket) -> int | None:
    """The bytes that have come on a connection, where the system tells."""
    if sys.platform != "linux":
        return None
    known = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("Q", known, BYTES_RECEIVED)[0] if len(known) >= BYTES_RECEIVED + 8 else None


def sockets(port: int) -> Iterator[tuple[str, socket.socket]]:
    """This process's connections on a port: the peer as gRPC names it, and the socket, for the moment."""
    for number in descriptors():
        with contextlib.ExitStack() as stack:
            try:
                if not stat.S_ISSOCK(os.fstat(number).st_mode):
                    continue
                # A copy, closed at once: descriptors are what is scarce.
                item = stack.enter_context(socket.socket(fileno=os.dup(number)))
                local, remote = item.getsockname(), item.getpeername()
            except OSError:
                continue
            if item.family in (socket.AF_INET, socket.AF_INET6) and local[1] == port:
                address = remote[0].removeprefix(IPV4_IN_IPV6)
                host = f"ipv6:%5B{address}%5D" if ":" in address else f"ipv4:{address}"
                yield f"{host}:{remote[1]}", item


def descriptors() -> list[int]:
    """The numbers of the open descriptors."""
    with os.scandir(FOLDER) as entries:
        return [int(entry.name) for entry in entries]
