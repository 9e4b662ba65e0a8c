import numpy as np
import pytest
import tensorflow as tf

from solutionkit.models.augmentation import augment, pasted

IMAGES = tf.constant(np.random.default_rng(0).uniform(50, 200, (8, 12, 12, 1)), tf.float32)


@pytest.mark.parametrize("change", [augment, pasted])
def test_images_change_and_stay_images(change) -> None:
    tf.random.set_seed(1)
    found = change(IMAGES, 255.0).numpy()
    assert found.shape == IMAGES.shape
    assert found.min() >= 0
    assert found.max() <= 255
    assert (np.abs(found - IMAGES.numpy()).max(axis=(1, 2, 3)) > 0).all()


def test_a_piece_is_the_same_by_its_seed() -> None:
    first, again, other = (pasted(IMAGES, 255.0, seed).numpy() for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    # The rest of an image stays what it was.
    assert (np.abs(first - IMAGES.numpy()) < 1.0).mean() > 0.3


def test_wide_images_are_not_turned() -> None:
    wide = tf.tile(tf.reshape(tf.range(20.0) * 10, [1, 1, 20, 1]), [16, 10, 1, 1])
    found = augment(wide, 255.0).numpy()
    # Every row of an image is still the ramp, upright or mirrored.
    steps = np.sign(np.diff(found[:, :, :, 0], axis=2))
    assert (np.abs(steps.sum(axis=2)) >= 15).all()
