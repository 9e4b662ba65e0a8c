"""Much data that costs the attacker little: made lazily, or packed by repeating packed pieces."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

PIECE = 1 << 20


def repeated(unit: bytes, size: int, piece: int = PIECE) -> Iterator[bytes]:
    """At most `size` bytes of whole units, in pieces that share memory."""
    units = max(1, piece // len(unit))
    block, times = unit * units, size // len(unit)
    for _ in range(times // units):
        yield block
    if times % units:
        yield unit * (times % units)


def gzipped(parts: Iterable[bytes]) -> bytes:
    """The parts in one gzip stream; a part that comes again at once is packed only once."""
    packed = [b"\x1f\x8b\x08\0\0\0\0\0\0\xff"]
    last, check, size = b"", 0, 0
    for part in parts:
        if part is not last:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            last, block = part, packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH)
        packed.append(block)
        check, size = zlib.crc32(part, check), size + len(part)
    # An empty last block, and the trailer.
    packed += [b"\x03\0", check.to_bytes(4, "little"), (size & 0xFFFFFFFF).to_bytes(4, "little")]
    return b"".join(packed)
