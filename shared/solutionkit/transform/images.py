"""Images for Transform: files' bytes decoded and scaled, the same graph in training and serving."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from solutionkit.examples.columns import Feature, TableSpec
from solutionkit.transform.tabular import dense

IMAGE = "image"


def preprocessing_fn(inputs: dict[str, Any], spec: TableSpec) -> dict[str, tf.Tensor]:
    """A file's bytes -> what both models read.

    Args:
        inputs: The image column as a `tf.SparseTensor` with one PNG, JPEG or BMP file a row.
        spec: What the columns are.

    Returns:
        `image`: `(batch, height, width, channels)` float32, whole numbers from 0 to 255 or 65,535.
    """
    feature = spec.image
    assert feature is not None
    return {IMAGE: pixels(dense(inputs[feature.name], ""), feature)}


def pixels(files: tf.Tensor, feature: Feature) -> tf.Tensor:
    """`(batch, height, width, channels)` pixels of `(batch,)` files."""
    kind = tf.uint16 if feature.bits == 16 else tf.uint8

    def decode(file: tf.Tensor) -> tf.Tensor:
        image = with_channels(decoded(file, kind), feature.shape[-1])
        scaled = tf.image.resize(image, feature.shape[:2], antialias=True)
        return tf.clip_by_value(tf.round(scaled), 0.0, float(kind.max))

    return tf.map_fn(decode, files, fn_output_signature=tf.TensorSpec(feature.shape, tf.float32))


def decoded(file: tf.Tensor, kind: tf.DType) -> tf.Tensor:
    """`(height, width, channels)` samples with as many channels as the file has."""
    # Asked for one channel, the decoder of BMP files refuses.
    image = tf.io.decode_image(file, 0, kind, expand_animations=False)
    return tf.ensure_shape(image, [None, None, None])


def with_channels(image: tf.Tensor, channels: int) -> tf.Tensor:
    """`(height, width, channels)` float32: colours become their mean, grey three equal ones; no alpha."""
    image = tf.cast(image, tf.float32)
    is_colour = tf.shape(image)[-1] >= 3
    colours = image[..., : tf.where(is_colour, 3, 1)]
    if channels == 1:
        return tf.ensure_shape(tf.reduce_mean(colours, axis=-1, keepdims=True), [None, None, 1])
    size = tf.shape(image)
    return tf.ensure_shape(tf.broadcast_to(colours, [size[0], size[1], 3]), [None, None, 3])
