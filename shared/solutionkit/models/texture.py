"""Classical texture features as TensorFlow ops: multi-scale LBP, HOG, grey statistics, and the oddest cells.

Local binary patterns follow T. Ojala, M. Pietikäinen, T. Mäenpää, "Multiresolution gray-scale and rotation
invariant texture classification with local binary patterns", IEEE TPAMI 24 (2002), with the 59 uniform
patterns of eight neighbours; histograms of oriented gradients N. Dalal and B. Triggs, CVPR 2005.

Histograms over the whole image say what a surface is like. A defect may cover a hundredth of it, so the
image is also cut into cells, and the extreme cells' statistics are features of their own.
"""

from __future__ import annotations

import itertools

import numpy as np
import tensorflow as tf

SCALES = (1, 2, 4)
NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
PATTERNS = 59
# Mean absolute difference to the neighbours, in grey levels of 255.
CONTRASTS = (1.0, 2.0, 4.0, 7.0, 12.0, 20.0, 35.0)
ORIENTATIONS = 9
QUARTERS = 2
GREY_BINS = 16
CELLS = 8
EXTREMES = 3


def texture_features(images: tf.Tensor, largest: float) -> tf.Tensor:
    """`(batch, height, width, channels)` pixels -> `(batch, features)` float32.

    Args:
        images: Pixels from 0 to `largest`, one channel or three.
        largest: 255 or 65,535.
    """
    images = tf.cast(images, tf.float32) * (255.0 / largest)
    grey = tf.reduce_mean(images, axis=-1)
    parts = [_grey_statistics(grey)]
    if images.shape[-1] == 3:
        parts += [tf.reduce_mean(images, [1, 2]), tf.math.reduce_std(images, [1, 2])]
    for scale in SCALES:
        scaled = grey if scale == 1 else _pooled(grey, scale)
        parts += _patterns(scaled)
        parts += _gradients(scaled) if scale != SCALES[-1] else []
    parts.append(_extreme_cells(grey))
    return tf.concat(parts, axis=1)


def _grey_statistics(grey: tf.Tensor) -> tf.Tensor:
    """Moments and a coarse histogram."""
    mean = tf.reduce_mean(grey, [1, 2])
    centred = grey - mean[:, None, None]
    deviation = tf.math.reduce_std(grey, [1, 2]) + 1e-3
    standard = centred / deviation[:, None, None]
    moments = [mean, deviation, *(tf.reduce_mean(standard**power, [1, 2]) for power in (3, 4))]
    bins = tf.cast(grey * (GREY_BINS / 256.0), tf.int32)
    return tf.concat([tf.stack(moments, axis=1), _shares(bins, GREY_BINS)], axis=1)


def _patterns(grey: tf.Tensor) -> list[tf.Tensor]:
    """Shares of the uniform patterns, and of the strengths of local contrast."""
    height, width = grey.shape[1], grey.shape[2]
    centre = grey[:, 1:-1, 1:-1]
    code = tf.zeros_like(centre, tf.int32)
    contrast = tf.zeros_like(centre)
    for bit, (down, right) in enumerate(NEIGHBOURS):
        other = grey[:, 1 + down : height - 1 + down, 1 + right : width - 1 + right]
        code += tf.cast(other >= centre, tf.int32) * (1 << bit)
        contrast += tf.abs(other - centre) / len(NEIGHBOURS)
    pattern = tf.gather(tf.constant(uniform_patterns()), code)
    strength = tf.searchsorted(tf.constant(CONTRASTS), tf.reshape(contrast, [-1]))
    strength = tf.reshape(strength, tf.shape(contrast))
    return [_shares(pattern, PATTERNS), _shares(strength, len(CONTRASTS) + 1)]


def uniform_patterns() -> np.ndarray:
    """`(256,)` int32: which of 59 bins a code of eight neighbours falls in.

    A pattern is uniform if its circle of bits changes at most twice; all others share the last bin.
    """
    bins = np.full(256, PATTERNS - 1, np.int32)
    count = 0
    for code in range(256):
        turned = ((code << 1) | (code >> 7)) & 255
        if (code ^ turned).bit_count() <= 2:
            bins[code], count = count, count + 1
    return bins


def _gradients(grey: tf.Tensor) -> list[tf.Tensor]:
    """Histograms of oriented gradients of the whole image and of its quarters, and their energy."""
    across = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    down = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    magnitude = tf.sqrt(across**2 + down**2)
    turn = tf.math.atan2(down, across) / np.pi % 1.0
    orientation = tf.minimum(tf.cast(turn * ORIENTATIONS, tf.int32), ORIENTATIONS - 1)
    gradients = []
    height, width = magnitude.shape[1], magnitude.shape[2]
    for rows in _halves(height):
        for columns in _halves(width):
            strength = magnitude[:, rows, columns]
            pixels = orientation[:, rows, columns]
            energy = [
                tf.reduce_mean(tf.where(pixels == value, strength, 0.0), [1, 2])
                for value in range(ORIENTATIONS)
            ]
            gradients.append(tf.stack(energy, axis=1))
    whole = tf.add_n(gradients) / len(gradients)
    return [_normed(part) for part in (whole, *gradients)] + [tf.reduce_sum(whole, axis=1, keepdims=True)]


def _normed(histogram: tf.Tensor) -> tf.Tensor:
    return histogram / (tf.reduce_sum(histogram, axis=1, keepdims=True) + 1.0)


def _halves(size: int) -> list[slice]:
    edges = [size * part // QUARTERS for part in range(QUARTERS + 1)]
    return [slice(start, stop) for start, stop in itertools.pairwise(edges)]


def _extreme_cells(grey: tf.Tensor) -> tf.Tensor:
    """Statistics of the cells, sorted: the lowest, the highest, and how much they differ."""
    height, width = max(grey.shape[1] // CELLS, 1), max(grey.shape[2] // CELLS, 1)
    across = tf.abs(grey[:, :, 1:] - grey[:, :, :-1])
    down = tf.abs(grey[:, 1:] - grey[:, :-1])

    def cells(values: tf.Tensor) -> tf.Tensor:
        """`(batch, rows, height, columns, width)` of cells; what does not fill one is left out."""
        rows, columns = values.shape[1] // height, values.shape[2] // width
        whole = values[:, : rows * height, : columns * width]
        return tf.reshape(whole, [-1, rows, height, columns, width])

    def means(values: tf.Tensor) -> tf.Tensor:
        return _flat(tf.reduce_mean(cells(values), axis=[2, 4]))

    def maxima(values: tf.Tensor) -> tf.Tensor:
        return _flat(tf.reduce_max(cells(values), axis=[2, 4]))

    mean = means(grey)
    # Of centred values: squares of grey levels leave nothing but rounding of an even cell's.
    centred = cells(grey) - tf.reduce_mean(cells(grey), axis=[2, 4], keepdims=True)
    deviation = _flat(tf.sqrt(tf.reduce_mean(centred**2, axis=[2, 4])))
    statistics = [mean, deviation, means(across), means(down), maxima(grey), -maxima(-grey)]
    parts = []
    for values in statistics:
        ordered = tf.sort(values, axis=1)
        parts += [ordered[:, :EXTREMES], ordered[:, -EXTREMES:]]
        parts += [tf.math.reduce_std(values, axis=1, keepdims=True)]
    return tf.concat(parts, axis=1)


def _flat(values: tf.Tensor) -> tf.Tensor:
    return tf.reshape(values, [-1, values.shape[1] * values.shape[2]])


def _pooled(grey: tf.Tensor, scale: int) -> tf.Tensor:
    return tf.nn.avg_pool2d(grey[..., None], scale, scale, "VALID")[..., 0]


def _shares(bins: tf.Tensor, count: int) -> tf.Tensor:
    """`(batch, height, width)` bin numbers -> `(batch, count)` shares of the pixels."""
    flat = tf.reshape(bins, [tf.shape(bins)[0], bins.shape[1] * bins.shape[2]])
    counts = tf.math.bincount(flat, minlength=count, maxlength=count, axis=-1)
    return tf.cast(counts, tf.float32) / flat.shape[1]
