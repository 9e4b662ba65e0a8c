"""Raw connections: heads that never end, bytes that drip, answers that are not read, great crowds."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine, Iterator
from itertools import chain
from typing import Any

from benchmarks.hostile.attack import Scene, attack
from benchmarks.hostile.bombs import repeated
from benchmarks.hostile.http2 import PREFACE, SETTINGS, frame

ENDLESS = 300_000_000
REQUEST = b"POST /v1/models/half_plus_two:predict HTTP/1.1\r\nhost: a\r\n"


def at_once(one: Callable[[], Coroutine[Any, Any, None]], count: int) -> None:
    """Do something on so many connections at the same time."""

    async def run() -> None:
        await asyncio.gather(*(one() for _ in range(count)))

    asyncio.run(run())


async def connect(scene: Scene, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """A connection, or None with a note of why there is none."""
    try:
        async with asyncio.timeout(10):
            return await asyncio.open_connection(scene.host, port)
    except OSError as error:
        scene.got[f"connecting: {type(error).__name__}"] += 1
        return None


def endless(scene: Scene, parts: Iterator[bytes]) -> None:
    """Send a request until the server has heard enough."""

    async def run() -> None:
        opened = await connect(scene, scene.rest)
        if opened is None:
            return
        reader, writer = opened
        answer = asyncio.create_task(reader.readline())
        try:
            async with asyncio.timeout(scene.seconds(20)):
                for part in parts:
                    if answer.done():
                        break
                    writer.write(part)
                    await writer.drain()
                    scene.sent += len(part)
                await asyncio.wait([answer], timeout=2)
        except TimeoutError:
            scene.got["still taken after 20 s"] += 1
        except OSError:
            scene.got["connection closed"] += 1
        note_line(scene, answer)
        writer.close()

    asyncio.run(run())


def note_line(scene: Scene, answer: asyncio.Task[bytes]) -> None:
    """Note the first line of an answer, as far as there is one."""
    if not answer.done():
        answer.cancel()
        scene.got["no answer"] += 1
    elif answer.exception():
        scene.got["connection closed"] += 1
    else:
        words = answer.result().split()
        scene.got[words[1].decode() if len(words) > 1 else "closed without an answer"] += 1


@attack("endless-headers", "short header lines, up to 300 MB")
def endless_headers(scene: Scene) -> None:
    """Headers that are collected until the empty line comes."""
    endless(scene, chain([REQUEST], repeated(b"a: b\r\n", ENDLESS, 1 << 16)))


@attack("endless-header-line", "one header line of up to 300 MB")
def endless_header_line(scene: Scene) -> None:
    """A value that is collected until its line ends."""
    endless(scene, chain([REQUEST, b"a: "], repeated(b"a", ENDLESS, 1 << 16)))


@attack("endless-request-line", "a path of up to 300 MB")
def endless_request_line(scene: Scene) -> None:
    """A path that is collected until its line ends."""
    endless(scene, chain([b"GET /v1/"], repeated(b"a", ENDLESS, 1 << 16)))


@attack("endless-trailers", "header lines after the last chunk, up to 300 MB")
def endless_trailers(scene: Scene) -> None:
    """Headers behind the body."""
    head = REQUEST + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    endless(scene, chain([head], repeated(b"a: b\r\n", ENDLESS, 1 << 16)))


@attack("slow-headers", "200 connections that send a byte of a header each second")
def slow_headers(scene: Scene) -> None:
    """Requests that are never complete, but never idle."""

    async def one() -> None:
        opened = await connect(scene, scene.rest)
        if opened is None:
            return
        reader, writer = opened
        answer = asyncio.create_task(reader.readline())
        try:
            writer.write(REQUEST + b"a: ")
            for _ in range(int(scene.seconds(12))):
                await asyncio.sleep(1)
                writer.write(b"a")
                await writer.drain()
                scene.sent += 1
        except OSError:
            pass
        note_line(scene, answer)
        writer.close()

    at_once(one, 200)


def crowd(scene: Scene, port: int, hello: bytes = b"") -> None:
    """Open 1,500 connections, hold them for 10 s, and note how many are still open."""

    async def one() -> None:
        opened = await connect(scene, port)
        if opened is None:
            return
        reader, writer = opened
        try:
            writer.write(hello)
            scene.sent += len(hello)
            async with asyncio.timeout(scene.seconds(10)):
                while await reader.read(4096):
                    pass
            scene.got["closed by the server"] += 1
        except TimeoutError:
            scene.got["held open"] += 1
        except OSError:
            scene.got["reset by the server"] += 1
        writer.close()

    at_once(one, 1_500)


@attack("crowd-rest", "1,500 silent connections to the REST port")
def crowd_rest(scene: Scene) -> None:
    """More connections than the server has descriptors."""
    crowd(scene, scene.rest)


@attack("crowd-grpc", "1,500 silent connections to the gRPC port")
def crowd_grpc(scene: Scene) -> None:
    """More connections than the server has descriptors."""
    crowd(scene, scene.grpc)


@attack("crowd-http2", "1,500 connections to the gRPC port that greet and then are silent")
def crowd_http2(scene: Scene) -> None:
    """The same, past the time limit for greeting."""
    crowd(scene, scene.grpc, PREFACE + frame(SETTINGS))


@attack(
    "unread-rest",
    "100 connections with 20 large requests each, whose answers are never read",
    seconds=60,
    crowd=True,
)
def unread(scene: Scene) -> None:
    """Answers that wait in the server for their reader."""
    rows = 10_000
    columns = {"age": [1.5] * rows, "city": ["a" * 30] * rows, "visits": [1] * rows}
    body = json.dumps({"inputs": columns}).encode()
    head = f"POST /v1/models/columns:predict HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n\r\n"

    async def one() -> None:
        try:
            listening = socket.create_connection((scene.host, scene.rest), 10)
        except OSError as error:
            scene.got[f"connecting: {type(error).__name__}"] += 1
            return
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(scene.seconds(15)):
                for _ in range(20):
                    await loop.sock_sendall(listening, head.encode() + body)
                    scene.sent += len(head) + len(body)
                await asyncio.sleep(20)
        except TimeoutError:
            scene.got["held open"] += 1
        except OSError:
            scene.got["closed by the server"] += 1
        listening.close()

    at_once(one, 100)
