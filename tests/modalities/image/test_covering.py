"""Covered squares are like a scan, and pictures come back from tf.Examples as they are."""

import numpy as np
import pytest
import tensorflow as tf

from solutionkit.modalities.image.covering import covered, pixels_of, variants, with_pixels
from support import film_example


@pytest.mark.parametrize(
    ("shape", "kind"), [((30, 50), np.uint8), ((30, 50), np.uint16), ((30, 50, 3), np.uint8)]
)
def test_what_is_covered_looks_like_what_is_about_it(shape: tuple[int, ...], kind: type) -> None:
    white = np.iinfo(kind).max
    scan = np.full(shape, white // 2, kind)
    scan[:5, :5] = white
    result = covered(scan, 0.0, 0.0)
    assert (result == white // 2).all()
    assert result.dtype == kind
    grainy = (scan + np.random.default_rng(0).normal(0.0, white / 40, shape)).clip(0, white).astype(kind)
    grainy[:5, :5] = white
    for across in (0.0, 1.0):
        square = covered(grainy, 0.0, across)[:6, :6] if not across else covered(grainy, 0.0, across)[:6, -6:]
        assert white / 60 < square.astype(float).std() < white / 30
    (again,) = with_pixels(np.array([film_example(np.zeros(shape, np.uint8))], object), "film", [scan])
    np.testing.assert_array_equal(pixels_of(again, "film", 16), scan)
    assert tf.train.Example.FromString(again).features.feature["patient"].bytes_list.value[0] == b"7"


def test_squares_within_the_body_touch_no_corner() -> None:
    scan = np.zeros((50, 40), np.uint8)
    scan[[0, 0, -1, -1], [0, -1, 0, -1]] = 255
    found = dict(variants([scan], 3))
    assert [name for name in found if name.startswith("within")] == [f"within {n}" for n in range(1, 6)]
    for name, (changed,) in found.items():
        kept = (changed == 255).sum()
        assert kept == (4 if name == "before" or name.startswith("within") else 3), name


def test_larger_pictures_become_smaller_by_means_of_squares() -> None:
    pixels = np.arange(200 * 130).reshape(200, 130).astype(np.uint16)
    found = pixels_of(film_example(pixels), "film", 32)
    assert found.shape == (50, 32)
    assert found.dtype == np.uint16
    assert found[3, 5] == round(pixels[12:16, 20:24].mean())
    colours = np.stack([pixels.astype(np.uint8)] * 3, axis=-1)
    assert pixels_of(film_example(colours), "film", 64).shape == (100, 65, 3)
    assert pixels_of(film_example(pixels), "film", 66).shape == (200, 130)
