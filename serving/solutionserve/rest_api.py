"""The REST API, as a Starlette application."""

from __future__ import annotations

import asyncio
import logging
import re
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    model_pb2,
    regression_pb2,
)

from solutionserve import json_cost, json_examples, json_tensors
from solutionserve.admission import Ticket, gave_way
from solutionserve.errors import Code, ServingError, invalid
from solutionserve.service import LARGE, PredictionService, on_thread_if

MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
ASK = re.compile(rf"{MODEL}:(?P<verb>classify|regress|predict)", re.I)
LOOK = re.compile(rf"{MODEL}(?P<metadata>/metadata)?", re.I)
LARGEST_VERSION = 2**63 - 1
# Every gzipped body may unpack to so much, and each byte of it to so much more.
UNPACKED, UNPACKED_PER_BYTE = 1 << 20, 100
LONGEST_PATH = 200
JSON = "application/json"
log = logging.getLogger("solutionserve")


@dataclass(frozen=True)
class RestSettings:
    """How the REST API answers.

    Attributes:
        timeout: Seconds after which a request is given up.
        cors: Whether pages of other sites may call it.
        metrics_path: Where metrics are, or None for nowhere.
    """

    timeout: float = 30.0
    cors: bool = False
    metrics_path: str | None = None


def rest_app(service: PredictionService, settings: RestSettings) -> Starlette:
    """The application."""

    async def models(request: Request) -> Response:
        admission, ticket = service.admission, None
        try:
            client = request.client
            ticket = admission.enter(f"{client.host}:{client.port}" if client else "")
            async with asyncio.timeout(settings.timeout):
                return Response(await answer(service, request, ticket), media_type=JSON)
        except ServingError as error:
            return error_response(error)
        except TimeoutError:
            return error_response(
                ServingError(Code.DEADLINE_EXCEEDED, f"no answer within {settings.timeout:g} s")
            )
        except ClientDisconnect:
            return Response(status_code=Code.CANCELLED.http_status)
        except asyncio.CancelledError:
            if ticket is None or not ticket.gives_way:
                raise
            return error_response(gave_way())
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            return error_response(ServingError(Code.INTERNAL, "internal error; see the server's log"))
        finally:
            if ticket is not None:
                admission.leave(ticket)

    async def metrics(request: Request) -> Response:
        page, kind = service.metrics.page(request.headers.get("accept", ""))
        return Response(page, headers={"content-type": kind})

    routes = [Route("/v1/{rest:path}", models, methods=["GET", "POST"])]
    if settings.metrics_path:
        routes.append(Route(settings.metrics_path, metrics))
    cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    return Starlette(routes=routes, middleware=[cors] if settings.cors else [])


def error_response(error: ServingError) -> Response:
    """An error as TensorFlow Serving words it: `{"error": "..."}`."""
    # What is left of a refused body need not be sent.
    refused = {"connection": "close"} if error.code is Code.RESOURCE_EXHAUSTED else None
    return Response(
        json_tensors.dump({"error": error.message}), error.code.http_status, refused, media_type=JSON
    )


async def answer(service: PredictionService, request: Request, ticket: Ticket) -> bytes:
    """The JSON answer to a request.

    Raises:
        ServingError: It cannot be answered.
    """
    # Still percent-encoded, as a model's name may hold a slash.
    path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1").split("?")[0]
    asked = (ASK if request.method == "POST" else LOOK).fullmatch(path)
    if asked is None:
        raise invalid(f"Malformed request: {request.method} {path[:LONGEST_PATH]}")
    spec = model_spec(asked)
    if request.method == "POST":
        body = await read_body(request, service.limits.request_bytes, ticket)
        sent = len(body)
        cost = await on_thread_if(sent > LARGE, json_cost.cost, body, service.admission.most)
        await service.admission.arrived(ticket, sent, cost)
        if sent > LARGE:
            await service.admission.turn(ticket)
        parsed = await on_thread_if(sent > LARGE, json_tensors.parse_body, body)
        del body
        return await ask(service, asked["verb"].lower(), spec, parsed, sent)
    if asked["metadata"]:
        return metadata(service, spec)
    return json_tensors.dump(json_tensors.message_json(service.manager.status(spec)))


def model_spec(asked: re.Match[str]) -> model_pb2.ModelSpec:
    """The model, and the version or label, that a path names."""
    spec = model_pb2.ModelSpec(name=_decoded(asked["name"]))
    if asked["version"]:
        number = int(asked["version"].lstrip("0")[:20] or 0)
        if number > LARGEST_VERSION:
            raise invalid(f"Failed to convert version: {asked['version'][:40]} to numeric.")
        spec.version.value = number
    elif asked["label"]:
        spec.version_label = _decoded(asked["label"])
    return spec


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise invalid(f"Failed to decode: {text[:80]}") from None


async def read_body(request: Request, largest: int, ticket: Ticket) -> bytes:
    """A request's body, unpacked if it is gzipped.

    Raises:
        ServingError: It is too large, or damaged.
    """
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise invalid(f"Content-Encoding {encoding[:LONGEST_PATH]} is not supported; gzip is")
    announced = request.headers.get("content-length", "0")
    if len(announced) > 18 or int(announced) > largest:
        raise too_large(largest)
    unpack = zlib.decompressobj(31) if encoding == "gzip" else None
    parts: list[bytes] = []
    sent = size = ticket.sent = 0
    async for chunk in request.stream():
        sent += len(chunk)
        most = min(largest, UNPACKED + UNPACKED_PER_BYTE * sent) if unpack else largest
        try:
            part = unpack.decompress(chunk, most + 1 - size) if unpack else chunk
        except zlib.error as error:
            raise invalid(f"the body is not gzip: {error}") from None
        if unpack and unpack.unused_data:
            raise invalid("the body goes on after the end of its gzip data")
        size += len(part)
        if size > largest:
            raise too_large(largest)
        if size > most:
            raise invalid(
                f"the body unpacks to more than {UNPACKED_PER_BYTE} times its size; send it unpacked"
            )
        parts.append(part)
        ticket.sent = size
    if unpack and not unpack.eof:
        raise invalid("the body is not gzip: it ends too early")
    return b"".join(parts)


def too_large(largest: int) -> ServingError:
    """What a client is told whose request has too many bytes."""
    return invalid(f"the request is larger than the {largest:,} bytes allowed")


async def ask(
    service: PredictionService, verb: str, spec: model_pb2.ModelSpec, body: dict[str, Any], sent: int
) -> bytes:
    """Answer predict, classify or regress.

    Args:
        service: Answers.
        verb: Which of the three.
        spec: The model that is asked.
        body: The request's JSON.
        sent: Its size in bytes.
    """
    spec.signature_name = json_tensors.signature_name(body)
    if verb == "predict":
        by_row = json_tensors.is_by_row(body)
        return await service.predict_arrays(
            spec,
            lambda signature: json_tensors.read_tensors(body, signature, service.limits),
            lambda outputs: json_tensors.write_tensors(outputs, by_row),
            "REST",
            sent,
        )
    if verb == "classify":
        classify = classification_pb2.ClassificationRequest(model_spec=spec)
        await on_thread_if(sent > LARGE, json_examples.read_examples, body, classify.input, service.limits)
        return json_examples.write_classifications((await service.classify(classify, "REST", sent)).result)
    regress = regression_pb2.RegressionRequest(model_spec=spec)
    await on_thread_if(sent > LARGE, json_examples.read_examples, body, regress.input, service.limits)
    return json_examples.write_regressions((await service.regress(regress, "REST", sent)).result)


def metadata(service: PredictionService, spec: model_pb2.ModelSpec) -> bytes:
    """A model's signatures."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec, metadata_field=["signature_def"]
    )
    response = service.metadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    printed = {
        "model_spec": json_tensors.message_json(response.model_spec),
        "metadata": {"signature_def": json_tensors.message_json(signatures)},
    }
    return json_tensors.dump(printed)
