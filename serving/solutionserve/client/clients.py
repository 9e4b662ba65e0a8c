"""The client, to call and to await."""

from __future__ import annotations

import asyncio
import random
import time
from types import TracebackType
from typing import Any, Self, cast

from solutionserve.client import rows as rows_
from solutionserve.client.messages import (
    Call,
    ClientError,
    Metadata,
    MetadataCall,
    PredictCall,
    Prediction,
    Signature,
    StatusCall,
    Target,
    VersionStatus,
)
from solutionserve.client.shadow import Shadow
from solutionserve.client.transport import ClientTls, connect, connect_async
from solutionserve.errors import Code

ROWS_A_REQUEST = 1024
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
# The library's exports have a signature with one tensor a column; others have their default.
# What a server says to columns that its present version does not have.
MAY_BE_ANOTHER = (Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION)
PREFERRED = ("serving_raw", "serving_default")


class _Client:
    """What both clients know; `Client` tells of the arguments."""

    def __init__(
        self,
        address: str,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        signature: str | None = None,
        timeout: float = 30.0,
        retries: int = 10,
        rows_a_request: int = ROWS_A_REQUEST,
        tls: ClientTls | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        self.target = Target(model, version, label)
        self._wanted = signature
        self._timeout = timeout
        self._retries = retries
        self._rows_a_request = rows_a_request
        self._shadow = shadow
        self._signature: Signature | None = None
        self._address, self._tls = address, tls
        self.answered_by = 0

    def _chosen(self, metadata: Metadata) -> Signature:
        known = metadata.signatures
        for name in (self._wanted,) if self._wanted else PREFERRED:
            if name in known:
                return known[name]
        raise ClientError(
            Code.NOT_FOUND,
            f"model '{self.target.name}' has no signature '{self._wanted or PREFERRED[-1]}';"
            f" there are: {', '.join(sorted(name for name in known if not name.startswith('__')))}",
        )

    def _calls(self, rows: Any, signature: Signature) -> list[PredictCall]:
        inputs = rows_.to_inputs(rows, signature)
        pieces = rows_.chunks(inputs, self._rows_a_request)
        return [PredictCall(self.target, signature, piece) for piece in pieces]

    def _result(self, rows: Any, calls: list[PredictCall], answers: list[Prediction]) -> Any:
        self.answered_by = answers[-1].version
        if self._shadow is not None:
            for call, answer in zip(calls, answers, strict=True):
                self._shadow.observe(call.inputs, answer.outputs)
        return rows_.like(rows, rows_.joined([answer.outputs for answer in answers]))


class _Attempts:
    """The pauses between tries of one request, within a deadline."""

    def __init__(self, seconds: float, retries: int) -> None:
        self._end = time.monotonic() + seconds
        self._left = retries
        self._pause = FIRST_PAUSE

    @property
    def remaining(self) -> float:
        """Seconds left; never quite none, so that the server says what is late."""
        return max(self._end - time.monotonic(), 0.001)

    def pause(self, error: ClientError) -> float:
        """Seconds to wait before the next try.

        Raises:
            ClientError: There is no next try.
        """
        pause = self._pause * random.uniform(0.5, 1.0)
        if not error.may_pass or not self._left or pause >= self.remaining:
            raise error
        self._left -= 1
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return pause


class Client(_Client):
    """A client to call; threads may share it.

    Example:
        >>> with Client("localhost:8500", "my_solution", timeout=2.0) as client:  # doctest: +SKIP
        ...     scores = client.predict(frame)  # a DataFrame in, a DataFrame out

    Args:
        address: `host:port` or `unix:/path` for gRPC, `http://host:port` for REST.
        model: The model's name.
        options: `version` or `label` (without either, the newest version answers); `signature` (default:
            `serving_raw` if the model has it, else `serving_default`); `timeout` in seconds for a request
            with all `retries` of what a busy or restarting server refused; `rows_a_request`,
            above which rows are sent in pieces; `tls`, a `ClientTls`; `shadow`, a `Shadow` that is told of
            every answer.

    Attributes:
        answered_by: The version that made the last answer (0 over REST, which does not say).
    """

    def __init__(self, address: str, model: str, **options: Any) -> None:
        super().__init__(address, model, **options)
        self._transport = connect(address, self._tls)

    def predict(self, rows: Any) -> Any:
        """The model's outputs for rows.

        Args:
            rows: A DataFrame, or a mapping from column to values; a column an input of the signature.

        Returns:
            A DataFrame with the rows' index, or a mapping from output to array, as the rows came.

        Raises:
            ClientError: A column is missing or wrong, the server refuses, or there is no answer in time.
        """
        signature = self._signature or self.signature()
        try:
            return self._ask(rows, signature)
        except ClientError as error:
            # Another version may be behind the label by now, with other columns.
            if error.code not in MAY_BE_ANOTHER or self._refreshed() == signature:
                raise
            return self._ask(rows, self.signature())

    def signature(self) -> Signature:
        """The signature that `predict` uses."""
        return self._signature or self._refreshed()

    def version(self) -> int:
        """The version that the client's label, or no label, means at the moment."""
        return cast(Metadata, self._send(MetadataCall(self.target))).version

    def status(self) -> list[VersionStatus]:
        """The versions that the server knows, newest first."""
        return cast(list[VersionStatus], self._send(StatusCall(self.target)))

    def close(self) -> None:
        """End the connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, rows: Any, signature: Signature) -> Any:
        calls = self._calls(rows, signature)
        return self._result(rows, calls, [self._send(call) for call in calls])

    def _refreshed(self) -> Signature:
        self._signature = self._chosen(self._send(MetadataCall(self.target)))
        return self._signature

    def _send(self, call: Call) -> Any:
        attempts = _Attempts(self._timeout, self._retries)
        while True:
            try:
                return self._transport.send(call, attempts.remaining)
            except ClientError as error:
                time.sleep(attempts.pause(error))


class AsyncClient(_Client):
    """A client to await, on one event loop; arguments and attributes are those of `Client`."""

    def __init__(self, address: str, model: str, **options: Any) -> None:
        super().__init__(address, model, **options)
        self._transport = connect_async(address, self._tls)

    async def predict(self, rows: Any) -> Any:
        """The model's outputs for rows; see `Client.predict`."""
        signature = self._signature or await self._refreshed()
        try:
            return await self._ask(rows, signature)
        except ClientError as error:
            if error.code not in MAY_BE_ANOTHER or await self._refreshed() == signature:
                raise
            return await self._ask(rows, await self.signature())

    async def signature(self) -> Signature:
        """The signature that `predict` uses."""
        return self._signature or await self._refreshed()

    async def version(self) -> int:
        """The version that the client's label, or no label, means at the moment."""
        return cast(Metadata, await self._send(MetadataCall(self.target))).version

    async def status(self) -> list[VersionStatus]:
        """The versions that the server knows, newest first."""
        return cast(list[VersionStatus], await self._send(StatusCall(self.target)))

    async def close(self) -> None:
        """End the connection."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _ask(self, rows: Any, signature: Signature) -> Any:
        calls = self._calls(rows, signature)
        return self._result(rows, calls, [await self._send(call) for call in calls])

    async def _refreshed(self) -> Signature:
        self._signature = self._chosen(await self._send(MetadataCall(self.target)))
        return self._signature

    async def _send(self, call: Call) -> Any:
        attempts = _Attempts(self._timeout, self._retries)
        while True:
            try:
                return await self._transport.send(call, attempts.remaining)
            except ClientError as error:
                await asyncio.sleep(attempts.pause(error))
