"""Images in one `.npz` file: arrays of pixels with labels beside, as MedMNIST and others give them away.

Either `train_images`, `val_images` and `test_images`, each with labels (and more) of the same prefix, which
becomes the column `split`; or one array of images, with what has as many entries as columns beside.
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import PIL.Image

from solutionkit.errors import UserError

SUFFIX = ".npz"
SPLITS, SPLIT = ("train", "val", "test"), "split"
IMAGES = "images"
# All arrays of a file together, unpacked.
MOST_BYTES = 8_000_000_000
# Of one image: height, width and perhaps colours.
DIMENSIONS = (2, 3)
# Of several values an image, at most so many become columns.
MOST_COLUMNS = 64


@dataclass(frozen=True)
class Arrays:
    """What one file holds.

    Attributes:
        images: `(images, height, width)` or `(images, height, width, 3)` of 8 or 16 bits.
        columns: By name one value an image.
    """

    images: np.ndarray
    columns: dict[str, np.ndarray]

    def names(self) -> list[str]:
        """What each image is called."""
        return [f"{row:0{len(str(len(self.images)))}d}" for row in range(len(self.images))]

    def png(self, name: str) -> bytes:
        """An image's pixels."""
        target = io.BytesIO()
        PIL.Image.fromarray(self.images[int(name)]).save(target, "PNG")
        return target.getvalue()


def read_arrays(file: Path) -> Arrays:
    """A file's images and columns; read once, as long as it does not change.

    Raises:
        UserError: There is no such file, or it holds no images with columns beside.
    """
    try:
        return _read(file, file.stat().st_mtime_ns)
    except OSError as error:
        raise UserError(f"{file}: {(error.strerror or str(error)).lower()}.") from None


@lru_cache(maxsize=1)
def _read(file: Path, changed: int) -> Arrays:
    del changed
    try:
        sizes = _declared(file)
        if (total := sum(sizes.values())) > MOST_BYTES:
            raise UserError(
                f"{file}: unpacks to {total / 1e9:,.0f} GB, more than {MOST_BYTES / 1e9:,.0f} are not read."
            )
        with np.load(file, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError, RuntimeError, TypeError, OSError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{file}: no readable .npz of plain arrays: {why}.") from None
    parts = [name for name in SPLITS if f"{name}_{IMAGES}" in found]
    if parts:
        return _of_parts(file, found, parts)
    pictures = [name for name, array in found.items() if array.ndim - 1 in DIMENSIONS]
    if len(pictures) != 1:
        listed = ", ".join(f"{name} {array.shape}" for name, array in found.items())
        raise UserError(
            f"{file}: holds {len(pictures)} arrays of images instead of one (or of train_images and"
            f" test_images): {listed}."
        )
    images = _checked(file, pictures[0], found.pop(pictures[0]))
    columns = {name: array.reshape(-1) for name, array in found.items() if array.size == len(images)}
    return Arrays(images, columns)


def _of_parts(file: Path, found: dict[str, np.ndarray], parts: list[str]) -> Arrays:
    """Arrays of the same ending, one part after the other."""
    images = [_checked(file, f"{part}_{IMAGES}", found[f"{part}_{IMAGES}"]) for part in parts]
    if len({item.shape[1:] for item in images}) > 1 or len({item.dtype for item in images}) > 1:
        raise UserError(f"{file}: images of {', '.join(parts)} differ in size or type.")
    counts = [len(item) for item in images]
    endings = {
        name.removeprefix(f"{parts[0]}_")
        for name, array in found.items()
        # Pictures beside pictures, e.g. masks, are no columns.
        if name.startswith(f"{parts[0]}_") and 1 <= array.ndim <= 2 and array[:1].size <= MOST_COLUMNS
    } - {IMAGES}
    columns = {SPLIT: np.repeat(parts, counts)}
    for ending in sorted(endings):
        pieces = [found.get(f"{part}_{ending}") for part in parts]
        if any(piece is None or len(piece) != count for piece, count in zip(pieces, counts, strict=True)):
            raise UserError(f"{file}: not every one of {', '.join(parts)} has {ending} for each image.")
        joined = np.concatenate([piece for piece in pieces if piece is not None]).reshape(sum(counts), -1)
        single = joined.shape[1] == 1
        columns |= {
            ending if single else f"{ending}_{place}": joined[:, place] for place in range(joined.shape[1])
        }
    return Arrays(np.concatenate(images), columns)


def _checked(file: Path, name: str, images: np.ndarray) -> np.ndarray:
    """Images of 8 or 16 bits, without an empty dimension of colours."""
    if images.ndim == DIMENSIONS[1] + 1 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim - 1 not in DIMENSIONS or (images.ndim == 4 and images.shape[-1] != 3):
        raise UserError(
            f"{file}: {name} has the shape {images.shape}; images of grey or three colours are read."
        )
    if images.dtype not in (np.uint8, np.uint16) or (images.ndim == 4 and images.dtype != np.uint8):
        raise UserError(
            f"{file}: {name} holds {images.dtype}, which has no fixed scale; save uint8 (grey: or uint16)."
        )
    return images


def _declared(file: Path) -> dict[str, int]:
    """Bytes of each array as its header says, which is looked at before anything is unpacked."""
    sizes = {}
    with zipfile.ZipFile(file) as archive:
        for item in archive.infolist():
            with archive.open(item) as stream:
                version = np.lib.format.read_magic(stream)
                reader = (
                    np.lib.format.read_array_header_1_0
                    if version == (1, 0)
                    else np.lib.format.read_array_header_2_0
                )
                shape, _, dtype = reader(stream)
            if dtype.hasobject:
                raise ValueError(f"{item.filename} holds Python objects")
            sizes[item.filename] = max(math.prod(shape) * dtype.itemsize, item.file_size)
    return sizes
