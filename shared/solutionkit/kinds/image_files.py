"""One image file: what it holds, whether it can be used, and its bytes as an exported model decodes them."""

from __future__ import annotations

import concurrent.futures
import hashlib
import io
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image

from solutionkit.kinds import dicom, image_arrays
from solutionkit.kinds.dicom import UnreadableError

FORMATS = {"PNG", "JPEG", "MPO", "BMP", "TIFF"}
# What these formats' decoders may be asked to unpack; a small file can hold a huge picture.
MOST_PIXELS = 64_000_000
# A file, before it is read.
MOST_FILE_BYTES = 500_000_000
# All channels together: enough for such a photo in colour, of eight bits.
MOST_BYTES = 200_000_000
SMALLEST_SIDE = 16
# Of the square of frequencies that say what a picture looks like.
LOOKS_SIDE = 16
# Bits of a sample by PIL's mode, where they are not eight; pictures of floating-point numbers have no scale.
DEEP_MODES = {"I;16", "I;16B", "I;16L", "I"}
# The tag of a TIFF file that says how many bits each sample has.
BITS_PER_SAMPLE = 258
# Where a PNG file says how many bits a sample has.
PNG_DEPTH = 24


@dataclass(frozen=True)
class Picture:
    """What one file holds.

    Attributes:
        height: Pixels.
        width: Pixels.
        grey: Whether all channels are equal.
        bits: Of a sample, 8 or 16.
        highest: The largest value of a sample.
        digest: Of the file's content.
        looks: 256 bits by which pictures that look alike are known.
    """

    height: int
    width: int
    grey: bool
    bits: int
    highest: int
    digest: str
    looks: bytes = b""


def inspect_files(folder: Path, paths: Iterable[str]) -> list[Picture | str]:
    """What each file holds, or the reason why it cannot be used; in parallel."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(lambda path: inspect_file(folder, path), paths))


def content_of(folder: Path, path: str) -> bytes:
    """A file's bytes; of DICOM, and of an array's image, a PNG of the picture alone.

    Args:
        folder: Where paths start, or a file of arrays.
        path: The file, or the image's name in the arrays.

    Raises:
        OSError: It cannot be read.
        UnreadableError: Why it cannot be used.
    """
    if folder.suffix.lower() == image_arrays.SUFFIX:
        return image_arrays.read_arrays(folder).png(path)
    file = folder / path
    if file.stat().st_size > MOST_FILE_BYTES:
        raise UnreadableError(f"has more than {MOST_FILE_BYTES // 1_000_000} MB")
    content = file.read_bytes()
    if content and (file.suffix.lower() in dicom.SUFFIXES or dicom.is_dicom(content)):
        return dicom.as_png(content)
    return content


def inspect_file(folder: Path, path: str) -> Picture | str:
    """What a file holds, or the reason why it cannot be used, as it follows the file's name.

    Args:
        folder: Where paths start, or a file of arrays.
        path: The file, or the image's name in the arrays.
    """
    import tensorflow as tf

    try:
        content = content_of(folder, path)
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    except UnreadableError as error:
        return str(error)
    if not content:
        return "is empty"
    try:
        with PIL.Image.open(io.BytesIO(content)) as image:
            kind, (width, height), mode = image.format, image.size, image.mode
            pages = getattr(image, "n_frames", 1) if kind == "TIFF" else 1
            samples = image.tag_v2.get(BITS_PER_SAMPLE, (8,)) if kind == "TIFF" else (8,)  # type: ignore[attr-defined]
    except PIL.Image.DecompressionBombError:
        return "has far too many pixels: a decompression bomb?"
    except Exception:
        # Whatever a decoder throws at a file that is none; there are more kinds than PIL documents.
        return "is no image, or its beginning is damaged"
    if kind not in FORMATS:
        return f"holds {kind}; PNG, JPEG, BMP and TIFF are read"
    if width * height > MOST_PIXELS:
        return f"has {width} x {height} pixels, more than {MOST_PIXELS // 1_000_000} million; scale it down"
    deep = mode in DEEP_MODES or (kind == "PNG" and content[PNG_DEPTH] == 16)
    channels = 4 if mode == "P" or kind == "BMP" else PIL.Image.getmodebands(mode)
    if width * height * channels * (2 if deep else 1) > MOST_BYTES:
        return f"unpacks to more than {MOST_BYTES // 1_000_000} MB; scale it down, or save fewer channels"
    if min(width, height) < SMALLEST_SIDE:
        return f"has {width} x {height} pixels; at least {SMALLEST_SIDE} a side are needed"
    if mode == "F" or (mode == "I" and kind == "TIFF"):
        return "holds floating-point or 32-bit numbers, which have no fixed scale; save 8 or 16 bits"
    if pages > 1:
        return f"holds {pages} pages; save each as a file of its own"
    if mode not in DEEP_MODES and max(samples) > 8:
        return "holds colours of more than 8 bits as TIFF; save it as PNG"
    try:
        readable = as_readable(content)
        pixels = tf.io.decode_image(
            readable, dtype=tf.uint16 if deep else tf.uint8, expand_animations=False
        ).numpy()
    except Exception as error:
        return f"is damaged: {_first_words(error)}"
    colours = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., :1]
    grey = bool((colours == colours[..., :1]).all())
    bits = 16 if deep else 8
    digest = hashlib.sha256(content).hexdigest()
    return Picture(height, width, grey, bits, int(pixels.max()), digest, looks_of(pixels))


def looks_of(pixels: np.ndarray) -> bytes:
    """256 bits of a picture's low frequencies, of `(height, width, channels)` samples."""
    import imagehash

    plain = pixels.astype(np.float32).mean(axis=-1)
    plain *= 255.0 / max(float(plain.max()), 1.0)
    found = imagehash.phash(PIL.Image.fromarray(plain.astype(np.uint8)), hash_size=LOOKS_SIDE)
    return np.packbits(found.hash.reshape(-1)).tobytes()


def as_readable(content: bytes) -> bytes:
    """A file's bytes as an exported model decodes them, with the same pixels.

    TensorFlow cannot read TIFF and takes the colour numbers of a palette BMP for grey: both become PNG.
    """
    is_tiff = content[:4] in {b"II*\0", b"MM\0*"}
    if not is_tiff and content[:2] != b"BM":
        return content
    target = io.BytesIO()
    with PIL.Image.open(io.BytesIO(content)) as image:
        if not is_tiff and image.mode == "RGB":
            return content
        if image.mode in DEEP_MODES:
            PIL.Image.fromarray(np.asarray(image).astype(np.uint16)).save(target, "PNG")
        else:
            image.convert("L" if image.mode in {"1", "L"} else "RGB").save(target, "PNG")
    return target.getvalue()


def load_files(folder: Path, paths: Iterable[str | None]) -> list[bytes | None]:
    """Files' bytes as an exported model decodes them, read in parallel; None stays None."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(
            threads.map(lambda path: None if path is None else as_readable(content_of(folder, path)), paths)
        )


def _first_words(error: Exception) -> str:
    """An error's first line without TensorFlow's own marks."""
    text = str(getattr(error, "message", error)).strip().splitlines()
    plain = re.sub(r"\{\{.*?\}\}\s*|\s*\[Op:.*", "", text[0]) if text else ""
    return plain[:120] or type(error).__name__
