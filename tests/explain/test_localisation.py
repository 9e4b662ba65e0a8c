import numpy as np
import pytest

from solutionkit.explain.localisation import (
    chance_of_pointing,
    deletion,
    enlarged,
    overlap,
    points_at,
)

MASK = np.zeros((100, 100), bool)
MASK[40:60, 20:40] = True


def heat_at(y: int, x: int) -> np.ndarray:
    heat = np.zeros((100, 100))
    heat[y, x] = 1.0
    return heat


def test_the_pointing_game_forgives_a_twentieth_of_the_side() -> None:
    assert points_at(heat_at(50, 30), MASK)
    assert points_at(heat_at(50, 44), MASK)
    assert not points_at(heat_at(50, 46), MASK)
    assert chance_of_pointing(MASK) == pytest.approx(0.09, abs=0.005)


def test_overlap_of_as_many_pixels_as_the_mask_has() -> None:
    assert overlap(MASK.astype(float), MASK) == 1.0
    assert overlap(np.roll(MASK, 10, axis=0).astype(float), MASK) == pytest.approx(1 / 3)
    assert overlap((~MASK).astype(float), MASK) == 0.0


def test_enlarging_keeps_places() -> None:
    heat = np.arange(16.0).reshape(4, 4)
    large = enlarged(heat, 40, 80)
    assert large.shape == (40, 80)
    np.testing.assert_allclose(large.mean(), heat.mean())
    assert np.unravel_index(large.argmax(), large.shape)[0] >= 30


def test_deleting_what_matters_is_worse_for_the_model() -> None:
    image, sound = MASK[..., None] * np.uint8(200), np.zeros((100, 100, 1), np.uint8)

    def outputs(images: np.ndarray) -> np.ndarray:
        return images[:, 40:60, 20:40].mean(axis=(1, 2, 3)) / 200 * 8 - 4

    right = deletion(image, MASK.astype(float), sound, outputs)
    wrong = deletion(image, (~MASK).astype(float), sound, outputs)
    assert right < 0.2
    assert wrong == pytest.approx(1.0)
