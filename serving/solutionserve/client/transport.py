"""Channels to a server: gRPC or REST, to call or to await."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import grpc
import httpx

from solutionserve.client import rest_codec
from solutionserve.client.messages import Answer, Call, ClientError
from solutionserve.errors import Code

# Answers of any size; what a request may be is the server's to say.
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A name that stands for several servers means all of them.
    ("grpc.lb_policy_name", "round_robin"),
    # Else a first connection that fails is tried again after a second at the earliest.
    ("grpc.initial_reconnect_backoff_ms", 100),
]
JSON = {"content-type": "application/json"}
CODES = {code.http_status: code for code in reversed(Code)} | {400: Code.INVALID_ARGUMENT}


@dataclass(frozen=True)
class ClientTls:
    """Files in PEM: the authority that signed the server's certificate, and the client's own pair."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Transport(Protocol):
    """Sends a call and waits for its answer."""

    def send(self, call: Call, seconds: float) -> Answer:
        """The answer, or a ClientError."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class AsyncTransport(Protocol):
    """Sends a call; its answer is awaited."""

    async def send(self, call: Call, seconds: float) -> Answer:
        """The answer, or a ClientError."""
        ...

    async def close(self) -> None:
        """End the connection."""
        ...


def is_rest(address: str) -> bool:
    """Whether an address is that of a REST API."""
    return address.startswith(("http://", "https://"))


def connect(address: str, tls: ClientTls | None) -> Transport:
    """A channel to `host:port`, `unix:/path` (gRPC) or `http(s)://host:port` (REST)."""
    return RestTransport(address, tls) if is_rest(address) else GrpcTransport(address, tls)


def connect_async(address: str, tls: ClientTls | None) -> AsyncTransport:
    """As `connect`, to await."""
    return AsyncRestTransport(address, tls) if is_rest(address) else AsyncGrpcTransport(address, tls)


class GrpcTransport:
    """gRPC, to call."""

    def __init__(self, address: str, tls: ClientTls | None) -> None:
        from solutionserve.client import grpc_codec

        self._codec = grpc_codec
        self._address = address
        self._channel = (
            grpc.secure_channel(address, _credentials(tls), OPTIONS)
            if tls
            else grpc.insecure_channel(address, OPTIONS)
        )
        self._methods: dict[str, Any] = {}

    def send(self, call: Call, seconds: float) -> Answer:
        """The answer, or a ClientError."""
        path, message = self._codec.encode(call)
        method = self._methods.get(path)
        if method is None:
            method = self._methods[path] = self._channel.unary_unary(path)
        try:
            return self._codec.decode(call, method(message, timeout=seconds))
        except grpc.RpcError as error:
            raise grpc_error(self._address, error) from None
        except ValueError as error:
            raise closed(self._address, error) from None

    def close(self) -> None:
        """End the connection."""
        self._channel.close()


class AsyncGrpcTransport:
    """gRPC, to await."""

    def __init__(self, address: str, tls: ClientTls | None) -> None:
        from solutionserve.client import grpc_codec

        self._codec = grpc_codec
        self._address = address
        self._channel = (
            grpc.aio.secure_channel(address, _credentials(tls), OPTIONS)
            if tls
            else grpc.aio.insecure_channel(address, OPTIONS)
        )
        self._methods: dict[str, Any] = {}

    async def send(self, call: Call, seconds: float) -> Answer:
        """The answer, or a ClientError."""
        path, message = self._codec.encode(call)
        method = self._methods.get(path)
        if method is None:
            method = self._methods[path] = self._channel.unary_unary(path)
        try:
            return self._codec.decode(call, await method(message, timeout=seconds))
        except grpc.RpcError as error:
            raise grpc_error(self._address, error) from None

    async def close(self) -> None:
        """End the connection."""
        await self._channel.close()


class RestTransport:
    """REST, to call."""

    def __init__(self, address: str, tls: ClientTls | None) -> None:
        self._address = address
        self._http = httpx.Client(base_url=address, verify=_context(tls), trust_env=False, headers=JSON)

    def send(self, call: Call, seconds: float) -> Answer:
        """The answer, or a ClientError."""
        method, path, body = rest_codec.encode(call)
        try:
            response = self._http.request(method, path, content=body or None, timeout=seconds)
        except httpx.HTTPError as error:
            raise http_error(self._address, error) from None
        return _decoded(call, response)

    def close(self) -> None:
        """End the connection."""
        self._http.close()


class AsyncRestTransport:
    """REST, to await."""

    def __init__(self, address: str, tls: ClientTls | None) -> None:
        self._address = address
        self._http = httpx.AsyncClient(base_url=address, verify=_context(tls), trust_env=False, headers=JSON)

    async def send(self, call: Call, seconds: float) -> Answer:
        """The answer, or a ClientError."""
        method, path, body = rest_codec.encode(call)
        try:
            response = await self._http.request(method, path, content=body or None, timeout=seconds)
        except httpx.HTTPError as error:
            raise http_error(self._address, error) from None
        return _decoded(call, response)

    async def close(self) -> None:
        """End the connection."""
        await self._http.aclose()


def grpc_error(address: str, error: Any) -> ClientError:
    """A gRPC failure as a ClientError that names the server."""
    details = str(error.details())
    hint = " (is this the REST port? then write http://…)" if "HTTP/2" in details else ""
    return ClientError(Code(error.code().value[0]), f"{address}: {details}{hint}")


def closed(address: str, error: ValueError) -> ClientError:
    """A call on a channel that its user has closed."""
    return ClientError(Code.FAILED_PRECONDITION, f"{address}: {error}")


def http_error(address: str, error: httpx.HTTPError) -> ClientError:
    """A failed HTTP exchange as a ClientError that names the server."""
    late = isinstance(error, httpx.TimeoutException)
    reason = "no answer in time" if late else str(error) or type(error).__name__
    if isinstance(error, httpx.RemoteProtocolError):
        reason += " (is this the gRPC port? then leave out http://)"
    return ClientError(Code.DEADLINE_EXCEEDED if late else Code.UNAVAILABLE, f"{address}: {reason}")


def _decoded(call: Call, response: httpx.Response) -> Answer:
    if response.status_code == 200:
        return rest_codec.decode(call, response.content)
    code = CODES.get(response.status_code, Code.UNKNOWN)
    raise ClientError(code, f"{response.url}: {rest_codec.error_message(response.content)}")


def _credentials(tls: ClientTls) -> grpc.ChannelCredentials:
    read = [file.read_bytes() if file else None for file in (tls.authority, tls.key, tls.certificate)]
    return grpc.ssl_channel_credentials(*read)


def _context(tls: ClientTls | None) -> ssl.SSLContext | bool:
    if tls is None:
        return True
    context = ssl.create_default_context(cafile=tls.authority)
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key)
    return context
