"""Large gRPC messages: many at once, unfinished, packed, and answers that are not read."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable
from itertools import chain

import grpc
from benchmarks.hostile.attack import Scene, attack
from benchmarks.hostile.bombs import gzipped, repeated
from benchmarks.hostile.http2 import INITIAL_WINDOW, Connection, grpc_headers, prefixed, setting
from benchmarks.hostile.messages import FLOAT, PREDICTION, TEXT, WHOLE, predict, send, tensor
from benchmarks.hostile.wire import large_predict

# Pieces in which a message waits to be sent.
PIECE = 1 << 16


async def requests(
    scene: Scene,
    connections: int,
    streams: int,
    parts: Callable[[], Iterable[bytes]],
    end: bool = True,
    headers: bytes = b"",
    settings: bytes = b"",
    hold: float = 25.0,
) -> None:
    """Send the same request on many streams of many connections, and wait for answers as long as `hold`."""

    async def one(connection: Connection, stream: int) -> None:
        await connection.begin(stream, headers or grpc_headers())
        await connection.body(stream, parts(), end)
        await connection.answered(stream)

    async def all_of(connection: Connection) -> None:
        ends = await asyncio.gather(
            *(one(connection, 2 * number + 1) for number in range(streams)), return_exceptions=True
        )
        for error in ends:
            if error is not None:
                scene.got[type(error).__name__] += 1

    opened = await asyncio.gather(
        *(Connection.open(scene, settings) for _ in range(connections)), return_exceptions=True
    )
    alive = [item for item in opened if isinstance(item, Connection)]
    if len(alive) < connections:
        scene.got["not connected"] += connections - len(alive)
    try:
        async with asyncio.timeout(scene.seconds(hold)):
            await asyncio.gather(*map(all_of, alive))
    except TimeoutError:
        scene.got["held open to the end"] += 1
    for connection in alive:
        connection.close()


def message(scene: Scene) -> Iterable[bytes]:
    """A Predict just below the limit."""
    start, zeros = large_predict(scene.largest - 1000)
    return chain([prefixed(len(start) + zeros) + start], repeated(b"\0", zeros, PIECE))


def unfinished(scene: Scene) -> Iterable[bytes]:
    """Half of the limit is announced, and all but the last of it is sent."""
    size = scene.largest // 2
    return chain([prefixed(size)], repeated(b"\0", size - PIECE, PIECE))


@attack("large-64", "64 messages just below the limit at once, on one connection", seconds=40)
def large_one_connection(scene: Scene) -> None:
    """Messages that are all received before one is answered."""
    asyncio.run(requests(scene, 1, 64, lambda: message(scene)))


@attack("large-80", "80 of them on 20 connections", seconds=40, crowd=True)
def large_many_connections(scene: Scene) -> None:
    """Messages that are all received before one is answered."""
    asyncio.run(requests(scene, 20, 4, lambda: message(scene)))


@attack(
    "unfinished-200",
    "200 messages of half the limit on 10 connections, without their end",
    seconds=40,
    crowd=True,
)
def unfinished_messages(scene: Scene) -> None:
    """Messages that wait for their last byte."""
    asyncio.run(requests(scene, 10, 20, lambda: unfinished(scene), end=False, hold=15))


@attack(
    "announced-2000",
    "2,000 messages announced at half the limit, of which 20 KB come",
    seconds=40,
    crowd=True,
)
def announced_messages(scene: Scene) -> None:
    """Memory that may be taken at the announcement."""
    parts = [prefixed(scene.largest // 2), bytes(20_000)]
    asyncio.run(requests(scene, 20, 100, lambda: parts, end=False, hold=10))


@attack("compressed", "a message of 60 MB of zeros, sent with gzip, 8 times at once")
def compressed(scene: Scene) -> None:
    """What any gRPC client can do with one option."""
    data = bytes(min(60_000_000, scene.largest - 1000))
    send(scene, PREDICTION + "Predict", [data] * 8, grpc.Compression.Gzip)
    scene.sent += 8 * (len(zlib.compress(data)) - len(data))


@attack("compressed-bomb", "a message that unpacks to 1 GB")
def compressed_bomb(scene: Scene) -> None:
    """What unpacks beyond the limit."""
    _bombs(scene, 1, 1)


@attack("compressed-bomb-80", "80 of them on 20 connections", seconds=40, crowd=True)
def compressed_bombs(scene: Scene) -> None:
    """What unpacks beyond the limit, side by side."""
    _bombs(scene, 20, 4)


def _bombs(scene: Scene, connections: int, streams: int) -> None:
    packed = gzipped(repeated(b"\0", 1 << 30))
    parts = [prefixed(len(packed), compressed=True) + packed]
    headers = grpc_headers(grpc_encoding="gzip")
    asyncio.run(requests(scene, connections, streams, lambda: parts, headers=headers))


@attack(
    "unread-grpc",
    "4 connections with 100 requests each for large answers, and a window of 0",
    seconds=40,
    crowd=True,
)
def unread(scene: Scene) -> None:
    """Answers that wait in the server for their reader."""
    rows = 10_000
    inputs = {
        "city": tensor(TEXT, [rows], string_val=[b"a" * 100] * rows),
        "age": tensor(FLOAT, [rows], float_val=[1.0]),
        "visits": tensor(WHOLE, [rows], int64_val=[1]),
    }
    data = predict("columns", inputs)
    parts = [prefixed(len(data)) + data]
    settings = setting(INITIAL_WINDOW, 0)
    asyncio.run(requests(scene, 4, 100, lambda: parts, settings=settings, hold=15))
