"""Scans of which a corner, or a square within, is covered by what is like a scan."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import PIL.Image
from scipy import ndimage

# A square's side, as a share of the scan's shorter one; and how many within the body stand beside.
SIDE, BESIDE = 0.22, 5
# Where these may begin, as a share of the way.
WITHIN = (0.28, 0.72)
# What is finer than so many pixels is grain.
GRAIN = 2.0
CORNERS = {"top left": (0, 0), "top right": (0, 1), "bottom left": (1, 0), "bottom right": (1, 1)}


def variants(scans: list[np.ndarray], seed: int) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Scans as they are ("before"), with a corner covered (its name), and with a square within ("within 1").

    Args:
        scans: `(height, width)` or `(height, width, channels)` each.
        seed: Of the squares within.
    """
    random = np.random.default_rng(seed)
    yield "before", scans
    for name, (down, across) in CORNERS.items():
        yield name, [covered(scan, down, across) for scan in scans]
    for number in range(BESIDE):
        down, across = random.uniform(*WITHIN, 2)
        yield f"within {number + 1}", [covered(scan, down, across) for scan in scans]


def covered(scan: np.ndarray, down: float, across: float) -> np.ndarray:
    """A scan of which a square shows the median of what lies about it, with the grain of what lies beside.

    Without grain it would be like no scan, and models of texture would answer to that.

    Args:
        scan: `(height, width)` or `(height, width, channels)`.
        down: Where the square is, from 0 at the top to 1 at the bottom.
        across: The same from left to right.
    """
    height, width = scan.shape[:2]
    side = max(int(SIDE * min(height, width)), 2)
    top, left = round(down * (height - side)), round(across * (width - side))
    result = scan.copy()
    around = scan[max(top - 2, 0) : top + side + 2, max(left - 2, 0) : left + side + 2]
    start = left + side if left + 2 * side <= width else left - side
    beside = scan[top : top + side, start : start + side].astype(np.float64)
    grain = beside - ndimage.gaussian_filter(beside, (GRAIN, GRAIN, *[0.0] * (scan.ndim - 2)))
    plain = np.median(around, axis=(0, 1)) + grain
    white = np.iinfo(scan.dtype).max
    result[top : top + side, left : left + side] = plain.round().clip(0, white).astype(scan.dtype)
    return result


def pixels_of(example: bytes, name: str, read: int) -> np.ndarray:
    """The picture of a serialized tf.Example, `(height, width)` or `(height, width, channels)`.

    Args:
        example: The tf.Example.
        name: The column of pictures.
        read: Larger ones become smaller, by means of squares, as far as the shorter side stays this long.
    """
    import tensorflow as tf

    file = tf.train.Example.FromString(example).features.feature[name].bytes_list.value[0]
    picture: PIL.Image.Image = PIL.Image.open(io.BytesIO(file))
    if picture.mode not in ("L", "I;16", "RGB"):
        picture = picture.convert("RGB")
    pixels = np.array(picture)
    factor = min(pixels.shape[:2]) // read
    if factor < 2:
        return pixels
    height, width = (side // factor for side in pixels.shape[:2])
    squares = pixels[: height * factor, : width * factor].reshape(
        height, factor, width, factor, *pixels.shape[2:]
    )
    return np.asarray(squares.mean(axis=(1, 3)).round(), pixels.dtype)


def with_pixels(examples: np.ndarray, name: str, pictures: list[np.ndarray]) -> np.ndarray:
    """`(rows,)` serialized tf.Examples with other pictures, as PNG files.

    Args:
        examples: `(rows,)` as they are.
        name: The column of pictures.
        pictures: One a row.
    """
    import tensorflow as tf

    changed = []
    for serialized, picture in zip(examples, pictures, strict=True):
        example, file = tf.train.Example.FromString(serialized), io.BytesIO()
        PIL.Image.fromarray(picture).save(file, "PNG", compress_level=1)
        example.features.feature[name].bytes_list.value[:] = [file.getvalue()]
        changed.append(example.SerializeToString())
    return np.array(changed, object)
