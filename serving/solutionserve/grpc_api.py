"""The gRPC API: PredictionService, ModelService and health, on grpcio's asyncio server.

Messages are parsed here rather than by grpcio, so that bytes that are no message get INVALID_ARGUMENT.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from solutionserve.configuration import Tls
from solutionserve.errors import Code, ServingError, invalid
from solutionserve.inference import parse
from solutionserve.service import PredictionService

PREDICTION, MODEL = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"
STATUS = {code.value[0]: code for code in grpc.StatusCode}
# gRPC carries it in a header of 8 KB.
LONGEST_MESSAGE = 4096
Answer = Callable[[Any], Awaitable[Any]]
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
        arguments: Further channel arguments, e.g. `grpc.max_connection_age_ms`.
    """

    host: str
    port: int
    socket: Path | None = None
    tls: Tls | None = None
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
            **(settings.arguments or {}),
        }
        self._service = service
        self._reload = reload
        self._settings = settings
        self._server = grpc.aio.server(options=list(options.items()))
        self.health = HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
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
        except RuntimeError:
            where = f"{address}{' or ' + str(settings.socket) if settings.socket else ''}"
            raise ServingError(
                Code.UNAVAILABLE,
                f"cannot listen on {where}: is something else listening there"
                + (", or are key and certificate in ssl_config_file no pair?" if settings.tls else "?"),
            ) from None

    async def stop(self, grace: float) -> None:
        """Take no new requests, and end when those under way are answered or the grace is over."""
        await self.health.enter_graceful_shutdown()
        await self._server.stop(grace)

    async def set_health(self, service: str, serving: bool) -> None:
        """What health checks get for a service: `""` is the server, else a model's name."""
        status = health_pb2.HealthCheckResponse
        await self.health.set(service, status.SERVING if serving else status.NOT_SERVING)

    def _handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        service = self._service

        async def metadata(request: get_model_metadata_pb2.GetModelMetadataRequest) -> Any:
            return service.metadata(request)

        async def status(request: get_model_status_pb2.GetModelStatusRequest) -> Any:
            return service.manager.status(request.model_spec)

        async def reload(request: model_management_pb2.ReloadConfigRequest) -> Any:
            if request.config.WhichOneof("config") != "model_config_list":
                raise invalid("ServerModelConfig type not supported; only ModelConfigList is")
            await self._reload(request)
            return model_management_pb2.ReloadConfigResponse()

        prediction: dict[str, tuple[type[Message], Answer]] = {
            "Predict": (predict_pb2.PredictRequest, lambda request: service.predict(request, "GRPC")),
            "Classify": (
                classification_pb2.ClassificationRequest,
                lambda request: service.classify(request, "GRPC"),
            ),
            "Regress": (regression_pb2.RegressionRequest, lambda request: service.regress(request, "GRPC")),
            "MultiInference": (
                inference_pb2.MultiInferenceRequest,
                lambda request: service.multi_inference(request, "GRPC"),
            ),
            "GetModelMetadata": (get_model_metadata_pb2.GetModelMetadataRequest, metadata),
        }
        model: dict[str, tuple[type[Message], Answer]] = {
            "GetModelStatus": (get_model_status_pb2.GetModelStatusRequest, status),
            "HandleReloadConfigRequest": (model_management_pb2.ReloadConfigRequest, reload),
        }
        return tuple(
            grpc.method_handlers_generic_handler(
                name, {method: handler(kind, answer) for method, (kind, answer) in methods.items()}
            )
            for name, methods in ((PREDICTION, prediction), (MODEL, model))
        )


def handler(kind: type[Message], answer: Answer) -> grpc.RpcMethodHandler:
    """A method that parses, answers and turns errors into a status."""

    async def handle(data: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            response = await answer(parse(kind, data))
            serialized: bytes = response.SerializeToString()
            return serialized
        except ServingError as error:
            await context.abort(STATUS[int(error.code)], error.message[:LONGEST_MESSAGE])
        except Exception:
            log.exception("%s failed", kind.DESCRIPTOR.name)
            await context.abort(grpc.StatusCode.INTERNAL, "internal error; see the server's log")
        raise AssertionError("abort raises")

    return grpc.unary_unary_rpc_method_handler(handle)


def credentials(tls: Tls) -> grpc.ServerCredentials:
    """Credentials of a server that may ask clients for theirs."""
    return grpc.ssl_server_credentials(
        [(tls.key, tls.certificate)],
        root_certificates=tls.authority or None,
        require_client_auth=tls.client_verify,
    )
