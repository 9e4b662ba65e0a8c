"""REST bodies that unpack to much, cost much to read, or never end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

from benchmarks.hostile import rest
from benchmarks.hostile.attack import Scene, attack
from benchmarks.hostile.bombs import gzipped, repeated

TARGET = "half_plus_two:predict"
PATH = f"/v1/models/{TARGET}"
GZIP = {"content-encoding": "gzip"}


@dataclass(frozen=True)
class Body:
    """A body of one unit again and again.

    Attributes:
        text: What it is.
        start: How it begins.
        unit: What comes again and again.
        end: How it ends.
        closing: What comes as often as the unit, after it.
    """

    text: str
    start: bytes = b'{"instances":['
    unit: bytes = b"1,"
    end: bytes = b"1]}"
    closing: bytes = b""

    def parts(self, size: int) -> Iterator[bytes]:
        """The body, of nearly `size` bytes."""
        room = size - len(self.start) - len(self.end)
        times = room // (len(self.unit) + len(self.closing))
        yield self.start
        yield from repeated(self.unit, times * len(self.unit))
        if self.closing:
            yield from repeated(self.closing, times * len(self.closing))
        yield self.end


BODIES = {
    "lists": Body("[[],[],…]", unit=b"[],", end=b"[]]}"),
    "objects": Body("[{},{},…]", unit=b"{},", end=b"{}]}"),
    "texts": Body('["","",…]', unit=b'"",', end=b'""]}'),
    "ones": Body("[1,1,…]"),
    "decimals": Body("[1.5,1.5,…]", unit=b"1.5,"),
    "rows": Body('[{"x":1},{"x":1},…]', unit=b'{"x":1},', end=b'{"x":1}]}'),
    "base64": Body('[{"b64":""},…]', unit=b'{"b64":""},', end=b'{"b64":""}]}'),
    "nested": Body("[[[[…]]]]", b'{"instances":', b"[", b"}", b"]"),
    "nested-objects": Body('{"a":{"a":…}}', b'{"instances":', b'{"a":', b"1}", b"}"),
    "nan": Body("[NaN,NaN,…]", unit=b"NaN,", end=b"NaN]}"),
    "nan-lists": Body("[[],[],…,NaN]", unit=b"[],", end=b"NaN]}"),
    "one-text": Body("one text", b'{"instances":["', b"a", b'"]}'),
    "half-characters": Body(r"one text of \ud800", b'{"instances":["', rb"\ud800", b'"]}'),
    "one-number": Body("one number of many digits", b'{"instances":[', b"1", b"]}"),
    "spaces": Body("nothing but spaces", b'{"instances":[', b" ", b"1]}"),
}


def _packed(scene: Scene, body: Body, times: int) -> None:
    data = gzipped(body.parts(scene.largest - 1000))
    _at_once(lambda: rest.post(scene, TARGET, [data], headers=GZIP), times)


def _plain(scene: Scene, body: Body) -> None:
    parts = list(body.parts(scene.largest - 1000))
    rest.post(scene, TARGET, parts, sum(map(len, parts)))


def _at_once(call: Callable[[], None], times: int) -> None:
    with ThreadPoolExecutor(times) as pool:
        for done in [pool.submit(call) for _ in range(times)]:
            done.result()


for name, body in BODIES.items():

    @attack(f"gzip-{name}", f"{body.text}, gzip, just below the limit")
    def packed(scene: Scene, body: Body = body) -> None:
        """Unpacked and read before anything is checked."""
        _packed(scene, body, 1)


for name in ("lists", "nan"):

    @attack(f"gzip-{name}-16", f"16 of gzip-{name} at once", seconds=60)
    def often(scene: Scene, body: Body = BODIES[name]) -> None:
        """The same, many times side by side."""
        _packed(scene, body, 16)

    @attack(f"plain-{name}", f"{BODIES[name].text}, not packed")
    def plain(scene: Scene, body: Body = BODIES[name]) -> None:
        """The same, at the attacker's cost."""
        _plain(scene, body)


@attack("gzip-keys", "one object of as many different keys as the limit allows, gzip")
def keys(scene: Scene) -> None:
    """Keys that cannot share memory."""
    count = (scene.largest - 1000) // 13
    pieces = (
        b"".join(b'"%08x":1,' % key for key in range(start, min(start + 50_000, count)))
        for start in range(0, count, 50_000)
    )
    data = gzipped(chain([b'{"inputs":{'], pieces, [b'"x":[1]}}']))
    rest.post(scene, TARGET, [data], headers=GZIP)


@attack("gzip-bomb", "1 GB of zeros, gzip")
def bomb(scene: Scene) -> None:
    """What unpacks beyond the limit."""
    rest.post(scene, TARGET, [gzipped(repeated(b"\0", 1 << 30))], headers=GZIP)


@attack(
    "held-gzip", "80 connections with an unfinished gzip body each, held for 20 s", seconds=45, crowd=True
)
def held_packed(scene: Scene) -> None:
    """Unpacked bodies that wait for their last byte."""
    data = gzipped(BODIES["ones"].parts(scene.largest - 1000))
    head = f"content-encoding: gzip\r\ncontent-length: {len(data)}\r\n"
    asyncio.run(_hold(scene, 80, head, lambda: iter([data[:-1]])))


@attack(
    "held-plain",
    "80 connections with an unfinished plain body each, just below the limit",
    seconds=60,
    crowd=True,
)
def held_plain(scene: Scene) -> None:
    """Bodies that wait for their last byte."""
    size = scene.largest - 1000
    head = f"content-length: {size}\r\n"
    asyncio.run(_hold(scene, 80, head, lambda: repeated(b"1", size - 1)))


@attack("tiny-chunks", "a body in chunks of one byte, up to 60 MB")
def tiny_chunks(scene: Scene) -> None:
    """Pieces that cost more to keep than they hold."""
    size = 60_000_000 // (10 if scene.quick else 1)
    asyncio.run(
        _hold(scene, 1, "transfer-encoding: chunked\r\n", lambda: repeated(b"1\r\n1\r\n", size), hold=1)
    )


@attack("endless-chunk-line", "a chunk's size line with up to 300 MB of extension")
def endless_chunk_line(scene: Scene) -> None:
    """A line that is never checked for its length."""
    size = 300_000_000
    parts = lambda: chain([b"1;"], repeated(b"a", size))  # noqa: E731
    asyncio.run(_hold(scene, 1, "transfer-encoding: chunked\r\n", parts, hold=1))


async def _hold(
    scene: Scene, connections: int, head: str, parts: Callable[[], Iterator[bytes]], hold: float = 20
) -> None:
    """Send unfinished requests side by side, keep them open for a while, and note answers."""

    async def one() -> None:
        try:
            reader, writer = await asyncio.open_connection(scene.host, scene.rest)
        except OSError as error:
            scene.got[type(error).__name__] += 1
            return
        answer = asyncio.create_task(reader.readline())
        try:
            async with asyncio.timeout(scene.seconds(hold)):
                for part in chain([f"POST {PATH} HTTP/1.1\r\nhost: a\r\n{head}\r\n".encode()], parts()):
                    if answer.done():
                        break
                    writer.write(part)
                    await writer.drain()
                    scene.sent += len(part)
                await asyncio.wait([answer])
        except TimeoutError:
            pass
        except OSError:
            scene.got["connection closed"] += 1
        if answer.done() and not answer.exception():
            words = answer.result().split()
            scene.got[words[1].decode() if len(words) > 1 else "closed without an answer"] += 1
        elif not answer.done():
            scene.got["held open"] += 1
        answer.cancel()
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
