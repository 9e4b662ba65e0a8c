import numpy as np
import tensorflow as tf

from solutionkit.models.texture import texture_features, uniform_patterns

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 48, 64, 1)).astype(np.float32)


def test_uniform_patterns() -> None:
    bins = uniform_patterns()
    assert sorted(set(bins.tolist())) == list(range(59))
    # Of eight neighbours 58 patterns change at most twice around the circle.
    assert (np.bincount(bins)[:58] == 1).all()
    assert bins[0b01010101] == 58


def test_the_same_in_any_batch_and_in_a_graph() -> None:
    eager = texture_features(tf.constant(IMAGES), 255.0).numpy()
    graph = tf.function(texture_features)(tf.constant(IMAGES[2:4]), 255.0).numpy()
    np.testing.assert_allclose(graph, eager[2:4], rtol=1e-5, atol=1e-5)
    assert np.isfinite(eager).all()


def test_depth_does_not_matter() -> None:
    deep = texture_features(tf.constant(IMAGES * 257), 65_535.0)
    np.testing.assert_allclose(deep, texture_features(tf.constant(IMAGES), 255.0), rtol=1e-3, atol=1e-3)


def test_flat_and_coloured_images() -> None:
    flat = texture_features(tf.fill([1, 32, 32, 1], 255.0), 255.0).numpy()
    assert np.isfinite(flat).all()
    coloured = texture_features(tf.constant(np.repeat(IMAGES, 3, axis=-1)), 255.0)
    assert coloured.shape[1] == flat.shape[1] + 6


def test_a_small_spot_moves_the_extreme_cells_most() -> None:
    spotted = IMAGES * 0.2 + 100.0
    sound = texture_features(tf.constant(spotted), 255.0).numpy()
    spotted[:, 20:24, 30:34] = 255.0
    moved = np.abs(texture_features(tf.constant(spotted), 255.0).numpy() - sound) / (sound.std(axis=0) + 1e-3)
    # Six statistics of the cells with three lowest, three highest and a spread each come last.
    assert moved.mean(axis=0)[:-42].max() < moved.mean(axis=0)[-42:].max()
