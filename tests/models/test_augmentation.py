import numpy as np
import pytest
import tensorflow as tf

from solutionkit.models.augmentation import CHANGES, Changes, augment, pasted

IMAGES = tf.constant(np.random.default_rng(0).uniform(50, 200, (8, 12, 12, 1)), tf.float32)


@pytest.mark.parametrize("change", [augment, pasted])
def test_images_change_and_stay_images(change) -> None:
    tf.random.set_seed(1)
    found = change(IMAGES, 255.0).numpy()
    assert found.shape == IMAGES.shape
    assert found.min() >= 0
    assert found.max() <= 255
    assert (np.abs(found - IMAGES.numpy()).max(axis=(1, 2, 3)) > 0).all()


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: changes.name)
@pytest.mark.parametrize("shape", [(16, 16, 1), (16, 24, 3)], ids=str)
def test_all_changes_keep_shape_and_range(changes: Changes, shape: tuple[int, ...]) -> None:
    images = tf.constant(np.random.default_rng(0).uniform(0, 255, (6, *shape)), tf.float32)
    found = augment(images, 255.0, changes).numpy()
    assert found.shape == images.shape
    assert found.min() >= 0
    assert found.max() <= 255
    assert (np.abs(found - images.numpy()).max(axis=(1, 2, 3)) > 0).all()


def test_what_is_moved_is_not_mirrored_and_little_else_changes() -> None:
    tf.random.set_seed(1)
    ramp = tf.tile(tf.reshape(tf.range(20.0) * 10 + 20, [1, 1, 20, 1]), [32, 20, 1, 1])
    found = augment(ramp, 255.0, Changes("moved", turned=False, moved=True)).numpy()[..., 0]
    assert (found[:, 10, 14] > found[:, 10, 5]).all()


def test_half_of_the_images_stay_in_their_place() -> None:
    tf.random.set_seed(1)
    noise = tf.constant(np.random.default_rng(0).uniform(50, 200, (200, 24, 24, 1)), tf.float32)
    found = augment(noise, 255.0, Changes("moved", turned=False, moved=True)).numpy()
    alike = [
        np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(found, noise.numpy(), strict=True)
    ]
    assert 0.35 < (np.array(alike) > 0.99).mean() < 0.65


def test_half_of_the_images_get_a_blot_of_their_mean() -> None:
    tf.random.set_seed(1)
    noise = tf.constant(np.random.default_rng(0).uniform(50, 200, (200, 24, 24, 1)), tf.float32)
    found = augment(noise, 255.0, Changes("blotted", turned=False, blotted=True)).numpy()
    even = np.array([np.unique(image.round(3), return_counts=True)[1].max() > 8 for image in found])
    assert 0.25 < even.mean() < 0.55


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
