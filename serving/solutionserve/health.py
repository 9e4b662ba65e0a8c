"""gRPC's health protocol, for watchers that may be slow: nobody waits for what one of them has not read."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from solutionserve.errors import SHOWN, Code, ServingError


class Health:
    """What health checks get; all methods run on the event loop."""

    def __init__(self) -> None:
        self._serving: dict[str, bool] = {}
        self._changed = asyncio.Event()
        self._stopping = False

    def set(self, service: str, serving: bool) -> None:
        """What is told of a service from now on: `""` is the server, else a model's name."""
        self._serving[service] = serving
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def stop(self) -> None:
        """Nothing serves any more, whatever is set later."""
        self._stopping = True
        for service in list(self._serving):
            self.set(service, False)

    async def check(self, request: health_pb2.HealthCheckRequest, _: int) -> health_pb2.HealthCheckResponse:
        """Answer Check."""
        if request.service not in self._serving:
            raise ServingError(Code.NOT_FOUND, f"unknown service: {request.service[:SHOWN]}")
        return health_pb2.HealthCheckResponse(status=self._status(request.service))

    async def watch(self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext) -> None:
        """Answer Watch: the status now and at each change, until the client ends the call."""
        said: Any = None
        while True:
            changed, status = self._changed, self._status(request.service)
            if status != said:
                response = health_pb2.HealthCheckResponse(status=status)
                await context.write(response.SerializeToString())
                said = status
            await changed.wait()

    def _status(self, service: str) -> Any:
        status = health_pb2.HealthCheckResponse
        known = self._serving.get(service)
        if known is None:
            return status.SERVICE_UNKNOWN
        return status.SERVING if known and not self._stopping else status.NOT_SERVING
