"""Load from a number of clients that each send the next request when the last is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass

import aiohttp
import grpc
import numpy as np

from solutionserve.client import grpc_codec, rest_codec
from solutionserve.client.messages import PredictCall, Signature, Target
from solutionserve.client.transport import JSON, OPTIONS, is_rest

WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Load:
    """One measurement.

    Attributes:
        rows: Rows a request.
        concurrency: Requests under way at the same time.
        requests_per_second: Answered requests.
        rows_per_second: Rows in them.
        p50_ms: Half of the answers took at most this long.
        p95_ms: 95 % of them.
        p99_ms: 99 % of them.
        errors: Requests that were not answered.
        first_error: What the first of them said.
    """

    rows: int
    concurrency: int
    requests_per_second: float
    rows_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    errors: int
    first_error: str = ""


Send = Callable[[], Awaitable[None]]


async def measure(
    address: str,
    target: Target,
    signature: Signature,
    inputs: Mapping[str, np.ndarray],
    rows: int,
    concurrency: int,
    seconds: float,
) -> Load:
    """Load a server with one kind of request.

    Args:
        address: gRPC or REST, as for `Client`.
        target: The model.
        signature: Its signature.
        inputs: Rows to send; repeated or cut to `rows`.
        rows: Rows a request.
        concurrency: Requests under way at the same time.
        seconds: How long to measure.

    Returns:
        Throughput and latencies; the requests are encoded once, the answers are not decoded.
    """
    resized = {name: np.resize(value, (rows, *value.shape[1:])) for name, value in inputs.items()}
    call = PredictCall(target, signature, resized)
    if is_rest(address):
        method, path, body = rest_codec.encode(call)
        connector = aiohttp.TCPConnector(limit=concurrency)
        async with aiohttp.ClientSession(address, connector=connector) as session:

            async def send() -> None:
                async with session.request(method, path, data=body, headers=JSON) as response:
                    answer = await response.read()
                    if response.status != 200:
                        raise RuntimeError(f"{response.status}: {rest_codec.error_message(answer)}")

            return await _measure(send, rows, concurrency, seconds)
    path, message = grpc_codec.encode(call)
    async with grpc.aio.insecure_channel(address, OPTIONS) as channel:
        unary = channel.unary_unary(path)

        async def send_message() -> None:
            await unary(message, timeout=60)

        return await _measure(send_message, rows, concurrency, seconds)


async def _measure(send: Send, rows: int, concurrency: int, seconds: float) -> Load:
    latencies: list[float] = []
    errors: list[str] = []
    start = time.perf_counter() + WARM_UP_SECONDS
    end = start + seconds

    async def client() -> None:
        while (began := time.perf_counter()) < end:
            try:
                await send()
            except Exception as error:
                details = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
                errors.append(details or type(error).__name__)
                await asyncio.sleep(0.01)
                continue
            finished = time.perf_counter()
            if began >= start and finished <= end:
                latencies.append(finished - began)

    await asyncio.gather(*(client() for _ in range(concurrency)))
    p50, p95, p99 = np.percentile(latencies or [float("nan")], [50, 95, 99]) * 1e3
    rate = len(latencies) / seconds
    first = errors[0] if errors else ""
    return Load(rows, concurrency, rate, rate * rows, p50, p95, p99, len(errors), first)


def table(loads: list[Load]) -> str:
    """The measurements as a table in Markdown."""
    lines = [
        "| rows | concurrency | requests/s | rows/s | p50 ms | p95 ms | p99 ms | errors |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {load.rows} | {load.concurrency} | {load.requests_per_second:,.0f} | {load.rows_per_second:,.0f}"
        f" | {load.p50_ms:.2f} | {load.p95_ms:.2f} | {load.p99_ms:.2f} | {load.errors} |"
        for load in loads
    ]
    return "\n".join(lines)


def as_json(loads: list[Load]) -> list[dict[str, float | int | str]]:
    """The measurements as JSON's values."""
    return [asdict(load) for load in loads]
