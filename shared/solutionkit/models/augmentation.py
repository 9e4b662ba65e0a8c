"""Random changes of a batch of images that leave its labels as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

CONTRAST = (0.8, 1.25)
BRIGHTNESS = 0.06
# A slight move: a share of the side, of the size as a logarithm, and radians. Half of the images are left in
# their place, because what is moved is blurred too, and new images are not.
SHIFT, SCALE, TURN = 0.04, 0.1, 0.15
# The largest piece that is blotted out, as a share of the side.
BLOT = 0.3
# Half-axes of a changed piece, as shares of the image's side.
SMALLEST_PIECE, LARGEST_PIECE, THINNEST_PIECE = 0.02, 0.25, 0.008
# Its change of brightness as a share of white, of contrast, and how sharp its edge is.
PIECE_BRIGHTNESS, PIECE_CONTRAST, PIECE_EDGE = (0.02, 0.22), (0.3, 1.7), (3.0, 23.0)


@dataclass(frozen=True)
class Changes:
    """What may be changed without changing the label, besides contrast and brightness.

    Attributes:
        name: What to call it.
        turned: Whether images are mirrored and turned by right angles.
        moved: Whether half of them are shifted, scaled and turned a little.
        blotted: Whether a piece of half of them is blotted out.
    """

    name: str
    turned: bool = True
    moved: bool = False
    blotted: bool = False


TURNED = Changes("turned and mirrored")
# What suits most images, and what suits those that mirrored would be of another class.
CHANGES = (
    Changes("turned, mirrored, moved and blotted", moved=True, blotted=True),
    Changes("moved and blotted", turned=False, moved=True, blotted=True),
)


def augment(images: tf.Tensor, largest: float, changes: Changes = TURNED) -> tf.Tensor:
    """Change each image by itself: contrast, brightness, and what else is wished.

    Args:
        images: `(batch, height, width, channels)` float32 from 0 to `largest`.
        largest: The value of white.
        changes: What else.
    """
    rows = tf.shape(images)[0]
    if changes.turned:
        images = _turned(images)
    if changes.moved:
        images = _moved(images)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    contrast = tf.random.uniform([rows, 1, 1, 1], *CONTRAST)
    brightness = tf.random.uniform([rows, 1, 1, 1], -BRIGHTNESS, BRIGHTNESS) * largest
    images = tf.clip_by_value((images - mean) * contrast + mean + brightness, 0.0, largest)
    return _blotted(images) if changes.blotted else images


def _turned(images: tf.Tensor) -> tf.Tensor:
    flips = tf.random.uniform([3, tf.shape(images)[0], 1, 1, 1]) < 0.5
    images = tf.where(flips[0], images[:, ::-1], images)
    images = tf.where(flips[1], images[:, :, ::-1], images)
    if images.shape[1] == images.shape[2]:
        images = tf.where(flips[2], tf.transpose(images, [0, 2, 1, 3]), images)
    return images


def _moved(images: tf.Tensor) -> tf.Tensor:
    """Half of them shifted, scaled and turned a little; beyond the edge an image is mirrored."""
    rows, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    drawn = tf.random.uniform([5, rows], -1.0, 1.0)
    scale, angle = tf.exp(SCALE * drawn[0]), TURN * drawn[1]
    cosine, sine = scale * tf.cos(angle), scale * tf.sin(angle)
    across, down = (width - 1) / 2.0, (height - 1) / 2.0
    right = across - cosine * across + sine * down + SHIFT * width * drawn[2]
    below = down - sine * across - cosine * down + SHIFT * height * drawn[3]
    none = tf.zeros_like(cosine)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([cosine, -sine, right, sine, cosine, below, none, none], axis=1),
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    return tf.where(drawn[4][:, None, None, None] < 0.0, tf.ensure_shape(moved, images.shape), images)


def _blotted(images: tf.Tensor) -> tf.Tensor:
    """A rectangle of half of the images in their mean grey (T. DeVries, G. Taylor: arXiv 1708.04552)."""
    rows, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    drawn = tf.random.uniform([4, rows, 1, 1, 1])
    half = BLOT * drawn[2] / 2.0
    down = tf.abs(tf.range(height, dtype=tf.float32)[:, None, None] / height - drawn[0]) < half
    across = tf.abs(tf.range(width, dtype=tf.float32)[None, :, None] / width - drawn[1]) < half
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return tf.where(down & across & (drawn[3] < 0.5), mean, images)


def pasted(images: tf.Tensor, largest: float, seed: int | None = None) -> tf.Tensor:
    """Change a piece of each image: brighter or darker, and in half of them from another place of the image.

    The piece is a turned ellipse, from a speck to half the image's width, round or as thin as a scratch.

    Args:
        images: `(batch, height, width, channels)` float32 from 0 to `largest`.
        largest: The value of white.
        seed: Makes the outcome the same in every call.
    """
    rows, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    shape = [10, rows, 1, 1]
    drawn = tf.random.uniform(shape) if seed is None else tf.random.stateless_uniform(shape, [seed, 0])
    down = tf.range(height, dtype=tf.float32)[None, :, None] / height - 0.1 - 0.8 * drawn[0]
    across = tf.range(width, dtype=tf.float32)[None, None, :] / width - 0.1 - 0.8 * drawn[1]
    angle = np.pi * drawn[2]
    along = down * tf.cos(angle) + across * tf.sin(angle)
    beside = across * tf.cos(angle) - down * tf.sin(angle)
    length = _between((SMALLEST_PIECE, LARGEST_PIECE), drawn[3] ** 2)
    breadth = tf.maximum(length * drawn[4] ** 2, THINNEST_PIECE)
    edge = _between(PIECE_EDGE, drawn[5])
    inside = tf.sigmoid((1.0 - tf.sqrt((along / length) ** 2 + (beside / breadth) ** 2)) * edge)[..., None]
    brightness = _between(PIECE_BRIGHTNESS, drawn[6] ** 1.5) * tf.sign(drawn[7] - 0.5) * largest
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    other = tf.roll(images, [height // 3 + 7, width // 3 + 5], [1, 2])
    other = (other - mean) * _between(PIECE_CONTRAST, drawn[8])[..., None] + mean
    piece = tf.where(drawn[9][..., None] < 0.5, images, other) + brightness[..., None]
    return tf.clip_by_value(images + inside * (piece - images), 0.0, largest)


def _between(limits: tuple[float, float], share: tf.Tensor) -> tf.Tensor:
    return limits[0] + (limits[1] - limits[0]) * share
