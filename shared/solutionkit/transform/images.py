"""Images for Transform: files' bytes decoded and scaled, the same graph in training and serving."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE, Feature
from solutionkit.kinds.image_files import MOST_BYTES, MOST_PIXELS
from solutionkit.transform.tabular import dense

# Bytes at a file's beginning that tell PNG's and BMP's size.
HEADER = 26
# Where a PNG file says what its channels are, and how many each answer means; a palette becomes four at most.
PNG_COLOURS, PNG_CHANNELS = 25, (1, 1, 3, 4, 2, 1, 4)
# How much longer or shorter a side may become than its image's shape asks for.
STRETCH = 0.1


def preprocessing_fn(inputs: dict[str, Any], spec: TableSpec) -> dict[str, tf.Tensor]:
    """A file's bytes -> what all models read.

    Args:
        inputs: The image column as a `tf.SparseTensor` with one PNG, JPEG or BMP file a row.
        spec: What the columns are.

    Returns:
        `image`: `(batch, height, width, channels)` float32, whole numbers from 0 to 255 or 65,535.
    """
    feature = spec.only(IMAGE)
    return {IMAGE: pixels(dense(inputs[feature.name], ""), feature)}


def pixels(files: tf.Tensor, feature: Feature) -> tf.Tensor:
    """`(batch, height, width, channels)` pixels of `(batch,)` files."""
    kind = tf.uint16 if feature.bits == 16 else tf.uint8
    shown = tf.constant(within_corners(feature), tf.float32)

    def decode(file: tf.Tensor) -> tf.Tensor:
        colours = without_alpha(decoded(file, kind))
        # Scaled as they are: numbers of four bytes would make a large photo larger still.
        scaled = fitted(colours, feature.shape)
        whole = tf.clip_by_value(tf.round(with_channels(scaled, feature.shape[-1])), 0.0, float(kind.max))
        return whole * shown if feature.corners else whole

    # One after the other: a batch of large photos must not be in memory all at once.
    return tf.map_fn(
        decode, files, parallel_iterations=1, fn_output_signature=tf.TensorSpec(feature.shape, tf.float32)
    )


def within_corners(feature: Feature) -> np.ndarray:
    """`(height, width, 1)` 0 in the corners that are to be black, 1 elsewhere."""
    height, width, _ = feature.shape
    side = round(feature.corners * min(height, width))
    there = np.ones((height, width, 1))
    for down in (slice(0, side), slice(height - side, height)):
        for across in (slice(0, side), slice(width - side, width)):
            there[down, across] = 0.0
    return there


def fitted(image: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """`(height, width, channels)` of a shape: scaled as a whole, and mirrored where it does not fill it.

    Args:
        image: `(rows, columns, channels)` of any size.
        shape: Height and width that are wanted, and more that is not read.
    """
    wanted = tf.constant(shape[:2], tf.float32)
    own = tf.cast(tf.shape(image)[:2], tf.float32)
    inner = own * tf.reduce_min(wanted / own)
    inner = tf.where(inner >= wanted * (1.0 - STRETCH), wanted, tf.maximum(tf.round(inner), 1.0))
    size = tf.cast(inner, tf.int32)
    scaled = tf.image.resize(image, size, antialias=True)
    for axis in range(2):
        # Back and forth over what there is, from the middle.
        place = tf.range(shape[axis]) - (shape[axis] - size[axis]) // 2
        place = tf.math.floormod(place, 2 * size[axis])
        scaled = tf.gather(scaled, tf.minimum(place, 2 * size[axis] - 1 - place), axis=axis)
    return scaled


def decoded(file: tf.Tensor, kind: tf.DType) -> tf.Tensor:
    """`(height, width, channels)` samples with as many channels as the file has.

    A file of a few hundred kilobytes can hold a picture of gigabytes: its size is read first.
    """
    with tf.control_dependencies([_refuse_too_large(size_of(file), kind.size)]):
        file = tf.identity(file)
    # Asked for one channel, the decoder of BMP files refuses.
    image = tf.io.decode_image(file, 0, kind, expand_animations=False)
    return tf.ensure_shape(image, [None, None, None])


def size_of(file: tf.Tensor) -> tf.Tensor:
    """What a PNG, JPEG or BMP file says of itself: `(pixels, channels)`, float64; of other files -1 both."""
    start = tf.io.decode_raw(tf.strings.substr(file + b"\0" * HEADER, 0, HEADER), tf.uint8)

    def starts_with(mark: bytes) -> tf.Tensor:
        return tf.reduce_all(start[: len(mark)] == tf.constant(list(mark), tf.uint8))

    def product(places: range) -> tf.Tensor:
        """Of the two numbers of four bytes at these places, the lowest byte first."""
        numbers = tf.reshape(tf.gather(start, list(places)), [2, 4])
        return tf.reduce_prod(tf.abs(tf.cast(tf.bitcast(numbers, tf.int32), tf.float64)))

    def png() -> tf.Tensor:
        colours = tf.minimum(tf.cast(start[PNG_COLOURS], tf.int32), len(PNG_CHANNELS) - 1)
        return tf.stack(
            [product(range(23, 15, -1)), tf.gather(tf.constant(PNG_CHANNELS, tf.float64), colours)]
        )

    def jpeg() -> tf.Tensor:
        shape = tf.cast(tf.image.extract_jpeg_shape(file), tf.float64)
        return tf.stack([shape[0] * shape[1], shape[2]])

    return tf.case(
        [
            (starts_with(b"\x89PNG"), png),
            (starts_with(b"BM"), lambda: tf.stack([product(range(18, 26)), tf.constant(4.0, tf.float64)])),
            (starts_with(b"\xff\xd8\xff"), jpeg),
        ],
        default=lambda: tf.constant([-1.0, -1.0], tf.float64),
    )


def _refuse_too_large(size: tf.Tensor, width: int) -> tf.Operation:
    known = tf.debugging.assert_greater_equal(
        size, tf.constant(0.0, tf.float64), "an image is no PNG, JPEG or BMP file"
    )
    few = tf.debugging.assert_less_equal(
        size[0],
        tf.constant(float(MOST_PIXELS), tf.float64),
        f"an image has more than {MOST_PIXELS // 1_000_000} million pixels",
    )
    small = tf.debugging.assert_less_equal(
        size[0] * size[1] * width,
        tf.constant(float(MOST_BYTES), tf.float64),
        f"an image unpacks to more than {MOST_BYTES // 1_000_000} MB",
    )
    return tf.group(known, few, small)


def without_alpha(image: tf.Tensor) -> tf.Tensor:
    """`(height, width, 1 or 3)` samples: grey or colours."""
    return image[..., : tf.where(tf.shape(image)[-1] >= 3, 3, 1)]


def with_channels(image: tf.Tensor, channels: int) -> tf.Tensor:
    """`(height, width, channels)` float32: colours become their mean, grey three equal ones; no alpha."""
    colours = tf.cast(without_alpha(image), tf.float32)
    if channels == 1:
        return tf.ensure_shape(tf.reduce_mean(colours, axis=-1, keepdims=True), [None, None, 1])
    size = tf.shape(colours)
    return tf.ensure_shape(tf.broadcast_to(colours, [size[0], size[1], 3]), [None, None, 3])
