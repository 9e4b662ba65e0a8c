"""The gRPC API: PredictionService, ModelService and health, on grpcio's asyncio server.

Messages are parsed here rather than by grpcio, so that bytes that are no message get INVALID_ARGUMENT.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from solutionserve.admission import Admission, Ticket, gave_way
from solutionserve.configuration import Tls
from solutionserve.errors import Code, ServingError, invalid
from solutionserve.grpc_connections import GrpcConnections
from solutionserve.health import Health
from solutionserve.service import LARGE, PredictionService, on_thread_if
from solutionserve.wire import cost, parse

PREDICTION, MODEL = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"
STATUS = {code.value[0]: code for code in grpc.StatusCode}
# gRPC carries it in a header of 8 KB.
LONGEST_MESSAGE = 4096
# Calls on one connection at the same time; a client's further calls wait there.
STREAMS = 100
LOOKAHEAD = 1 << 18
# For so long clients are told to come back; and for so long the last answers may be on their way.
CLOSING_SECONDS, LEAVING_SECONDS = 0.3, 0.1
# Bytes of a question about the server itself.
QUESTION = 1 << 14
QUESTIONS = dict.fromkeys(("GetModelMetadata", "GetModelStatus"), QUESTION)
HEALTH = "grpc.health.v1.Health"
# A request and its size in bytes -> the response.
Answer = Callable[[Any, int], Awaitable[Any]]
Watch = Callable[[Any, grpc.aio.ServicerContext], Awaitable[None]]
Reload = Callable[[model_management_pb2.ReloadConfigRequest], Awaitable[None]]
log = logging.getLogger("solutionserve")


@dataclass(frozen=True)
class GrpcSettings:
    """Where and how the gRPC API listens.

    Attributes:
        host: Address; port 0 means no TCP.
        port: TCP port.
        socket: A Unix socket's path, or None.
        tls: Key and certificates, or None for plain text.
        connections: Most connections at the same time.
        arguments: Further channel arguments, e.g. `grpc.max_connection_age_ms`.
    """

    host: str
    port: int
    socket: Path | None = None
    tls: Tls | None = None
    connections: int = 4096
    arguments: Mapping[str, str | int] | None = None


class GrpcApi:
    """The running gRPC server.

    Args:
        service: What answers.
        reload: Takes on the configuration of HandleReloadConfigRequest.
        settings: Where to listen.
    """

    def __init__(self, service: PredictionService, reload: Reload, settings: GrpcSettings) -> None:
        limits = service.limits
        options: dict[str, str | int] = {
            "grpc.max_receive_message_length": limits.request_bytes,
            "grpc.max_send_message_length": -1,
            # Else a second server could listen on the same port unnoticed.
            "grpc.so_reuseport": 0,
            "grpc.max_concurrent_streams": STREAMS,
            "grpc.max_allowed_incoming_connections": settings.connections,
            # Else gRPC itself reads megabytes of each call ahead.
            "grpc.http2.bdp_probe": 0,
            "grpc.http2.lookahead_bytes": LOOKAHEAD,
            # Who connects and says nothing, says nothing any more, or is gone, goes.
            "grpc.server_handshake_timeout_ms": 10_000,
            "grpc.max_connection_idle_ms": 900_000,
            "grpc.keepalive_time_ms": 60_000,
            "grpc.keepalive_timeout_ms": 20_000,
            **(settings.arguments or {}),
        }
        self._service = service
        self._reload = reload
        self._settings = settings
        self._server = grpc.aio.server(options=list(options.items()))
        self.health = Health()
        admission = service.admission
        self._connections = GrpcConnections(
            settings.port, settings.connections, lambda: admission.connections
        )
        admission.hang_up = self._connections.hang_up
        admission.received = self._connections.received
        self._watching: asyncio.Task[None] | None = None
        self._server.add_generic_rpc_handlers(self._handlers())

    async def start(self) -> None:
        """Listen.

        Raises:
            ServingError: The port is taken, or the certificate is none.
        """
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"{host}:{settings.port}"
        try:
            if settings.port and settings.tls:
                self._server.add_secure_port(address, credentials(settings.tls))
            elif settings.port:
                self._server.add_insecure_port(address)
            if settings.socket:
                self._server.add_insecure_port(f"unix:{settings.socket}")
            await self._server.start()
            self._watching = asyncio.get_running_loop().create_task(self._connections.watch())
        except RuntimeError:
            where = f"{address}{' or ' + str(settings.socket) if settings.socket else ''}"
            raise ServingError(
                Code.UNAVAILABLE,
                f"cannot listen on {where}: is something else listening there"
                + (", or are key and certificate in ssl_config_file no pair?" if settings.tls else "?"),
            ) from None

    async def stop(self, grace: float) -> None:
        """Take no new requests, and end when those under way are answered or the grace is over."""
        admission, ends = self._service.admission, time.monotonic() + grace
        self.health.stop()
        admission.closed = True
        if self._watching:
            self._watching.cancel()
        await asyncio.sleep(CLOSING_SECONDS)
        while admission.connections and time.monotonic() < ends:
            await asyncio.sleep(LEAVING_SECONDS)
        await asyncio.sleep(LEAVING_SECONDS)
        self._connections.end_all(self._settings.socket)
        await self._server.stop(0)

    def _handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        service = self._service

        async def metadata(request: get_model_metadata_pb2.GetModelMetadataRequest, _: int) -> Any:
            return service.metadata(request)

        async def status(request: get_model_status_pb2.GetModelStatusRequest, _: int) -> Any:
            return service.manager.status(request.model_spec)

        async def reload(request: model_management_pb2.ReloadConfigRequest, _: int) -> Any:
            if request.config.WhichOneof("config") != "model_config_list":
                raise invalid("ServerModelConfig type not supported; only ModelConfigList is")
            await self._reload(request)
            return model_management_pb2.ReloadConfigResponse()

        prediction: dict[str, tuple[type[Message], Answer]] = {
            "Predict": (predict_pb2.PredictRequest, lambda *sent: service.predict(sent[0], "GRPC", sent[1])),
            "Classify": (
                classification_pb2.ClassificationRequest,
                lambda *sent: service.classify(sent[0], "GRPC", sent[1]),
            ),
            "Regress": (
                regression_pb2.RegressionRequest,
                lambda *sent: service.regress(sent[0], "GRPC", sent[1]),
            ),
            "MultiInference": (
                inference_pb2.MultiInferenceRequest,
                lambda *sent: service.multi_inference(sent[0], "GRPC", sent[1]),
            ),
            "GetModelMetadata": (get_model_metadata_pb2.GetModelMetadataRequest, metadata),
        }
        model: dict[str, tuple[type[Message], Answer]] = {
            "GetModelStatus": (get_model_status_pb2.GetModelStatusRequest, status),
            "HandleReloadConfigRequest": (model_management_pb2.ReloadConfigRequest, reload),
        }
        door = Door(service.admission, self._connections)
        health = {
            "Check": door.handler(health_pb2.HealthCheckRequest, self.health.check, QUESTION),
            "Watch": door.watching(health_pb2.HealthCheckRequest, self.health.watch),
        }
        return (
            *(
                grpc.method_handlers_generic_handler(
                    name,
                    {
                        method: door.handler(kind, answer, QUESTIONS.get(method))
                        for method, (kind, answer) in methods.items()
                    },
                )
                for name, methods in ((PREDICTION, prediction), (MODEL, model))
            ),
            grpc.method_handlers_generic_handler(HEALTH, health),
        )


class Door:
    """Turns functions into gRPC methods whose message is read only once there is room for it.

    To gRPC the methods take a stream, of which they read one message: what a unary method takes is read
    before anybody is asked.
    """

    def __init__(self, admission: Admission, connections: GrpcConnections) -> None:
        self._admission = admission
        self._connections = connections

    def handler(self, kind: type[Message], answer: Answer, most: int | None = None) -> grpc.RpcMethodHandler:
        """A method that parses, answers and turns errors into a status.

        Args:
            kind: The request's type.
            answer: Makes the response.
            most: Largest request in bytes, if less than others'; such a question is let in however many wait.
        """

        async def handle(_: object, context: grpc.aio.ServicerContext) -> bytes:
            async def work(ticket: Ticket) -> bytes:
                request, sent = await self._read(kind, context, ticket, most)
                response = await answer(request, sent)
                del request
                size = response.ByteSize()
                serialized: bytes = await on_thread_if(size > LARGE, response.SerializeToString)
                self._admission.answered(ticket, size)
                return serialized

            return await self._guarded(kind, context, work, most is not None)  # type: ignore[no-any-return]

        return grpc.stream_unary_rpc_method_handler(handle)

    def watching(self, kind: type[Message], watch: Watch) -> grpc.RpcMethodHandler:
        """A method that goes on for long; it holds a place only for its message."""

        async def handle(_: object, context: grpc.aio.ServicerContext) -> None:
            async def work(ticket: Ticket) -> Any:
                return (await self._read(kind, context, ticket, QUESTION))[0]

            await watch(await self._guarded(kind, context, work, always=True), context)

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _guarded(
        self,
        kind: type[Message],
        context: grpc.aio.ServicerContext,
        work: Callable[[Ticket], Awaitable[Any]],
        always: bool = False,
    ) -> Any:
        """Work with a place of its own; its errors end the call with their status."""
        ticket = None
        try:
            peer = context.peer()
            self._connections.called(peer)
            ticket = self._admission.enter(peer, always)
            return await work(ticket)
        except ServingError as error:
            # Not the error itself: its trace keeps the whole request alive.
            failure = ServingError(error.code, error.message)
        except asyncio.CancelledError:
            if ticket is None or not ticket.gives_way:
                raise
            failure = gave_way()
        except Exception:
            log.exception("%s failed", kind.DESCRIPTOR.name)
            failure = ServingError(Code.INTERNAL, "internal error; see the server's log")
        finally:
            if ticket is not None and ticket.unread:
                context.add_done_callback(lambda _: self._admission.leave(ticket))
            elif ticket is not None:
                self._admission.leave(ticket)
        # Other characters would be sent as three bytes for each of theirs.
        words = failure.message.encode("ascii", "backslashreplace").decode()[:LONGEST_MESSAGE]
        await context.abort(STATUS[int(failure.code)], words)
        raise AssertionError("abort raises")

    async def _read(
        self,
        kind: type[Message],
        context: grpc.aio.ServicerContext,
        ticket: Ticket,
        most: int | None = None,
    ) -> tuple[Any, int]:
        """The request, and its size in bytes."""
        admission = self._admission
        await admission.expect_largest(ticket)
        data = await context.read()
        if data is grpc.aio.EOF:
            raise invalid("the call has no message")
        sent = len(data)
        if most is not None and sent > most:
            raise invalid(
                f"the request of {sent:,} bytes is larger than the {most:,} that this question may have"
            )
        taken = await on_thread_if(sent > LARGE, cost, data, kind, admission.most)
        await admission.arrived(ticket, sent, taken)
        return await on_thread_if(sent > LARGE, parse, kind, data), sent


def credentials(tls: Tls) -> grpc.ServerCredentials:
    """Credentials of a server that may ask clients for theirs."""
    return grpc.ssl_server_credentials(
        [(tls.key, tls.certificate)],
        root_certificates=tls.authority or None,
        require_client_auth=tls.client_verify,
    )
