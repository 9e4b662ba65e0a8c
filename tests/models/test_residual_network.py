"""Stem and head of the image network: sizes, what an image's light changes, and networks side by side."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from solutionkit.models.residual_network import (
    SIZES,
    build_head,
    build_stem,
    side_by_side,
    widths_for,
)

SMALL = SIZES["small"]


def parts(shape: tuple[int, ...], outputs: int = 3) -> tuple[keras.Model, keras.Model]:
    stem = build_stem(shape, 255.0, SMALL)
    return stem, build_head(stem.output.shape[1:], outputs, widths_for(shape, SMALL), SMALL)


@pytest.mark.parametrize(
    ("shape", "maps", "stages"),
    [
        ((28, 28, 1), (28, 28, 18), 3),
        ((64, 64, 3), (32, 32, 18), 3),
        ((128, 51, 1), (64, 26, 18), 3),
        ((256, 256, 1), (128, 128, 18), 4),
    ],
    ids=str,
)
def test_maps_and_stages_by_the_images_size(
    shape: tuple[int, ...], maps: tuple[int, ...], stages: int
) -> None:
    stem, head = parts(shape)
    assert stem.output.shape[1:] == maps
    assert len(widths_for(shape, SMALL)) == stages
    assert head(stem(np.zeros((2, *shape), np.float32))).shape == (2, 3)


def test_the_maps_are_the_same_in_another_light_and_say_which_it_was() -> None:
    pixels = np.random.default_rng(0).uniform(60, 180, (2, 32, 32, 1)).astype(np.float32)
    stem, _ = parts((32, 32, 1))
    first, other = (ops.convert_to_numpy(stem(images)) for images in (pixels, 0.5 * pixels + 20.0))
    np.testing.assert_allclose(first[..., :-2], other[..., :-2], atol=0.1)
    assert (np.abs(first[..., -2:] - other[..., -2:]) > 0.1).all()


def test_as_many_images_as_rows_of_pixels_are_no_bias() -> None:
    stem, head = parts((32, 32, 1))
    pixels = np.random.default_rng(0).uniform(0, 255, (32, 32, 32, 1)).astype(np.float32)
    together = tf.function(lambda images: head(stem(images)))(tf.constant(pixels))
    np.testing.assert_allclose(together[:5], head(stem(pixels[:5])), atol=1e-4)


def test_an_even_image_has_no_pattern() -> None:
    stem, head = parts((32, 32, 1))
    logits = ops.convert_to_numpy(head(stem(np.full((1, 32, 32, 1), 90.0, np.float32))))
    assert np.isfinite(logits).all()


def test_networks_side_by_side_say_the_mean_and_can_be_stored(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 1)).astype(np.float32)
    several = [parts((32, 32, 1)) for _ in range(3)]
    alone = np.mean([ops.convert_to_numpy(head(stem(pixels))) for stem, head in several], axis=0)
    stem, head = side_by_side([stem for stem, _ in several], [head for _, head in several])
    stem.save(tmp_path / "stem.keras")
    head.save(tmp_path / "head.keras")
    stem, head = (
        keras.models.load_model(tmp_path / f"{name}.keras", compile=False) for name in ("stem", "head")
    )
    np.testing.assert_allclose(head(stem(pixels)), alone, atol=1e-5)
