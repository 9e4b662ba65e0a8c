"""Single image files: formats, depths, and what cannot be used."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from solutionkit.kinds.image_files import Picture, as_readable, inspect_file
from solutionkit.transform.images import decoded, with_channels


def picture(seed: int, side: tuple[int, int] = (24, 32)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, side, np.uint8)


def png_bomb(side: int, mode: str = "1") -> bytes:
    """A small file that says it holds a huge picture."""
    target = io.BytesIO()
    PIL.Image.new(mode, (side, side)).save(target, "PNG")
    return target.getvalue()


def webp() -> bytes:
    target = io.BytesIO()
    PIL.Image.fromarray(picture(0)).save(target, "WEBP")
    return target.getvalue()


def floating_tiff() -> bytes:
    target = io.BytesIO()
    PIL.Image.fromarray(picture(0).astype(np.float32)).save(target, "TIFF")
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: b"", "is empty"),
        (lambda: b"no image at all", "is no image"),
        (lambda: png_bomb(9000), "more than 64 million"),
        (lambda: png_bomb(20000), "decompression bomb"),
        (lambda: png_bomb(7600, "RGBA"), "more than 200 MB"),
        (webp, "holds WEBP"),
        (floating_tiff, "floating-point"),
        (lambda: png_bomb(8), "at least 16 a side"),
    ],
    ids=["empty", "text", "huge", "bomb", "channels", "webp", "float", "tiny"],
)
def test_what_cannot_be_used(tmp_path: Path, content: Callable[[], bytes], reason: str) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(content())
    found = inspect_file(file.parent, file.name)
    assert isinstance(found, str)
    assert reason in found


def pages() -> bytes:
    target = io.BytesIO()
    first = PIL.Image.fromarray(picture(0))
    first.save(target, "TIFF", save_all=True, append_images=[first])
    return target.getvalue()


def test_several_pages(tmp_path: Path) -> None:
    (tmp_path / "a.tiff").write_bytes(pages())
    assert "2 pages" in str(inspect_file(tmp_path, "a.tiff"))


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    image = PIL.Image.fromarray(picture(0) % 4, "P")
    image.putpalette([250, 0, 0, 0, 250, 0, 0, 0, 250, 9, 9, 9])
    for kind in ("PNG", "BMP"):
        file = tmp_path / f"a.{kind.lower()}"
        image.save(file, kind)
        seen = with_channels(decoded(tf.constant(as_readable(file.read_bytes())), tf.uint8), 3).numpy()
        np.testing.assert_array_equal(seen, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
@pytest.mark.parametrize("grey", [True, False], ids=["grey", "colour"])
def test_formats(tmp_path: Path, kind: str, grey: bool) -> None:
    shades = np.linspace(40, 200, 32).astype(np.uint8)
    pixels = np.tile(shades, (24, 1))
    if not grey:
        pixels = np.stack([pixels, pixels // 2, 255 - pixels], axis=-1)
    file = tmp_path / f"a.{kind.lower()}"
    PIL.Image.fromarray(pixels).save(file, kind)
    found = inspect_file(file.parent, file.name)
    assert isinstance(found, Picture)
    assert (found.height, found.width, found.grey, found.bits) == (24, 32, grey, 8)
    image = decoded(tf.constant(as_readable(file.read_bytes())), tf.uint8)
    seen = with_channels(image, 1 if grey else 3).numpy()
    difference = np.abs(seen.reshape(pixels.shape) - pixels)
    assert difference.max() <= (0 if kind != "JPEG" else 10)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_lose_nothing(tmp_path: Path, kind: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 65_536, (20, 20)).astype(np.uint16)
    file = tmp_path / f"a.{kind.lower()}"
    PIL.Image.fromarray(pixels).save(file, kind)
    found = inspect_file(file.parent, file.name)
    assert isinstance(found, Picture)
    assert found.bits == 16
    image = decoded(tf.constant(as_readable(file.read_bytes())), tf.uint16)
    np.testing.assert_array_equal(with_channels(image, 1).numpy()[..., 0], pixels)
