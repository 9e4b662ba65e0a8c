"""Pictures that look alike though their files differ: scaled, compressed or exported again.

By perceptual hashes (256 bits of low frequencies, `imagehash`): pairs of public scans of which at most 8
differ were copies or of the same lesion without exception (benchmarks/README.md, medical).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ALIKE = 8
# More pictures are not compared with each other; and so many at once.
MOST_PICTURES, AT_ONCE = 20_000, 1000
SHOWN = 3


def alike_pairs(looks: Sequence[bytes]) -> np.ndarray:
    """`(pairs, 2)` positions of pictures that look alike, each pair once.

    Args:
        looks: Of each picture its hash, all of the same length.
    """
    if not looks or len(looks) > MOST_PICTURES:
        return np.zeros((0, 2), np.int64)
    bits = np.unpackbits(np.frombuffer(b"".join(looks), np.uint8).reshape(len(looks), -1), axis=1)
    signs = bits.astype(np.float32) * 2.0 - 1.0
    found = []
    for start in range(0, len(signs), AT_ONCE):
        # The product is the number of bits less twice those that differ.
        alike = signs[start : start + AT_ONCE] @ signs.T >= signs.shape[1] - 2 * ALIKE
        first, second = np.nonzero(alike)
        pairs = np.stack([first + start, second], axis=1)
        found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    return np.concatenate(found)


def alike_notes(
    looks: Sequence[bytes], names: Sequence[str], groups: Sequence[str] | None, splits: np.ndarray
) -> list[str]:
    """Notes on pictures that look alike and are of different groups, or on both sides of the split.

    Args:
        looks: Of each picture its hash.
        names: What each is called.
        groups: Whose each is, if that is declared.
        splits: `(pictures,)` names of splits.
    """
    pairs = alike_pairs(looks)
    notes = []
    if len(looks) > MOST_PICTURES:
        notes.append(f"pictures that look alike are not looked for among more than {MOST_PICTURES:,}")
    parted = [(a, b) for a, b in pairs if (splits[a] == "eval") != (splits[b] == "eval")]
    if groups is not None:
        foreign = [(a, b) for a, b in pairs if groups[a] != groups[b]]
        if foreign:
            told = "are of different groups: one under two names?"
            notes.append(f"{len(foreign):,} pairs of pictures look alike and {told} {_shown(foreign, names)}")
    if parted:
        told = "stand on both sides of the split, which flatters the models:"
        notes.append(f"{len(parted):,} pairs of pictures look alike and {told} {_shown(parted, names)}")
    return notes


def _shown(pairs: list[tuple[int, int]], names: Sequence[str]) -> str:
    listed = ", ".join(f"{names[a]} and {names[b]}" for a, b in pairs[:SHOWN])
    return f"{listed}{' …' if len(pairs) > SHOWN else ''}"
