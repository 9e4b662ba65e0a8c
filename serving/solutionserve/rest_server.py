"""The REST API's listening half: uvicorn on sockets of our own, in the server's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from solutionserve.configuration import Tls
from solutionserve.errors import Code, ServingError, invalid
from solutionserve.rest_connection import Connection


class _Uvicorn(uvicorn.Server):
    """Leaves the signals to the server that both APIs share."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class RestServer:
    """The REST API's listening half.

    Args:
        app: The application.
        host: Address.
        port: TCP port.
        tls: Key and certificates, or None for plain text.
        connections: Most connections at the same time.
    """

    def __init__(
        self, app: Starlette, host: str, port: int, tls: Tls | None = None, connections: int = 4096
    ) -> None:
        config = uvicorn.Config(
            app,
            http=type("Connection", (Connection,), {"most": connections}),
            ws="none",
            # All that wait to be let in are let in at once, before any other can be closed.
            backlog=min(connections, 2048),
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
        )
        config.load()
        if tls:
            config.ssl = ssl_context(tls)
        self._host, self._port = host, port
        self._uvicorn = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None
        self._sockets: list[socket.socket] = []

    async def start(self) -> None:
        """Listen.

        Raises:
            ServingError: The port is taken.
        """
        try:
            self._sockets = listen(self._host, self._port)
        except OSError as error:
            raise ServingError(
                Code.UNAVAILABLE, f"cannot listen on {self._host}:{self._port}: {error.strerror}"
            ) from None
        self._task = asyncio.get_running_loop().create_task(self._uvicorn.serve(self._sockets))
        while not self._uvicorn.started and not self._task.done():
            await asyncio.sleep(0.01)
        if self._task.done():
            raise ServingError(Code.UNAVAILABLE, f"cannot listen on {self._host}:{self._port}")

    async def stop(self, grace: float) -> None:
        """Take no new requests, and end when those under way are answered or the grace is over."""
        self._uvicorn.config.timeout_graceful_shutdown = int(grace)
        self._uvicorn.should_exit = True
        if self._task:
            await self._task


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets for every address that a host name stands for, e.g. 127.0.0.1 and ::1 for localhost."""
    sockets: list[socket.socket] = []
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in dict.fromkeys(addresses):
        try:
            made = socket.socket(family, kind, protocol)
        except OSError:
            continue  # a machine without IPv6
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            made.bind(address)
        except OSError:
            if family == socket.AF_INET6 and sockets:
                made.close()
                continue
            raise
        sockets.append(made)
    return sockets


def ssl_context(tls: Tls) -> ssl.SSLContext:
    """The same key and authority for HTTPS; Python reads them from files only."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key.pem"), Path(folder, "certificate.pem")
        key.touch(mode=0o600)
        key.write_bytes(tls.key)
        certificate.write_bytes(tls.certificate)
        try:
            context.load_cert_chain(certificate, key)
        except ssl.SSLError as error:
            raise invalid(
                f"ssl_config_file: key and certificate do not go together: {error.reason}"
            ) from None
    if tls.authority:
        context.load_verify_locations(cadata=tls.authority.decode())
    if tls.client_verify:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
