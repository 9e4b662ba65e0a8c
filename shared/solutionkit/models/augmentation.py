"""Random changes of a batch of images that leave its labels as they are."""

from __future__ import annotations

import tensorflow as tf

CONTRAST = (0.8, 1.25)
BRIGHTNESS = 0.06
# Half-axes of a pasted piece, as shares of the image's side, and how sharp its edge is.
SHORTEST_PIECE, LONGEST_PIECE, THINNEST_PIECE, SHARPNESS = 0.03, 0.35, 0.01, 12.0
PIECE_BRIGHTNESS = 0.15


def augment(images: tf.Tensor, largest: float) -> tf.Tensor:
    """Flip, turn, and change contrast and brightness of each image by itself.

    Nothing is scaled: the fineness of a texture is what tells it, and a crop may cut its defect off.

    Args:
        images: `(batch, height, width, channels)` float32 from 0 to `largest`.
        largest: 255 or 65,535.
    """
    rows = tf.shape(images)[0]
    flips = tf.random.uniform([3, rows, 1, 1, 1]) < 0.5
    images = tf.where(flips[0], images[:, ::-1], images)
    images = tf.where(flips[1], images[:, :, ::-1], images)
    if images.shape[1] == images.shape[2]:
        images = tf.where(flips[2], tf.transpose(images, [0, 2, 1, 3]), images)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    contrast = tf.random.uniform([rows, 1, 1, 1], *CONTRAST)
    brightness = tf.random.uniform([rows, 1, 1, 1], -BRIGHTNESS, BRIGHTNESS) * largest
    return tf.clip_by_value((images - mean) * contrast + mean + brightness, 0.0, largest)


def pasted(images: tf.Tensor, largest: float, seed: int | None = None) -> tf.Tensor:
    """Paste into each image a piece of another one, at another place and a little brighter or darker.

    The piece is a turned ellipse, from a speck to a third of the image, round or as thin as a scratch.

    Args:
        images: `(batch, height, width, channels)` float32 from 0 to `largest`.
        largest: 255 or 65,535.
        seed: Makes the outcome the same in every call.
    """
    rows, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    shape = [8, rows, 1, 1]
    drawn = tf.random.uniform(shape) if seed is None else tf.random.stateless_uniform(shape, [seed, 0])
    down = tf.range(height, dtype=tf.float32)[None, :, None] / height - 0.1 - 0.8 * drawn[0]
    across = tf.range(width, dtype=tf.float32)[None, None, :] / width - 0.1 - 0.8 * drawn[1]
    angle = 3.1416 * drawn[2]
    along = down * tf.cos(angle) + across * tf.sin(angle)
    beside = across * tf.cos(angle) - down * tf.sin(angle)
    length = SHORTEST_PIECE + (LONGEST_PIECE - SHORTEST_PIECE) * drawn[3] ** 2
    breadth = tf.maximum(length * drawn[4] ** 2, THINNEST_PIECE)
    inside = tf.sigmoid((1.0 - tf.sqrt((along / length) ** 2 + (beside / breadth) ** 2)) * SHARPNESS)[
        ..., None
    ]
    shift = tf.cast(drawn[5, :, 0, 0] * tf.cast(rows, tf.float32), tf.int32)
    others = tf.gather(images, (tf.range(rows) + 1 + shift) % rows)
    others = tf.roll(others, [height // 3, width // 3], [1, 2])
    change = (drawn[6][..., None] - 0.5) * 2.0 * PIECE_BRIGHTNESS * largest
    contrast = 0.6 + 0.8 * drawn[7][..., None]
    mean = tf.reduce_mean(others, axis=[1, 2, 3], keepdims=True)
    home = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    piece = (others - mean) * contrast + home + change
    return tf.clip_by_value(images + inside * (piece - images), 0.0, largest)
