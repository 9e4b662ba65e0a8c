"""A small residual network for images of some ten thousand pixels, learned from some hundred of them.

K. He, X. Zhang, S. Ren, J. Sun: "Deep Residual Learning for Image Recognition" (CVPR 2016), with average
pooling on the shortcuts as in T. He et al., "Bag of Tricks for Image Classification with Convolutional
Neural Networks" (CVPR 2019). One block a stage is what a CPU trains in minutes. What decides is the pooling:
mean and spread of the maps of *every* stage, because a surface is told by the strength of fine patterns
anywhere, which a mean over the last, coarse maps has lost (V. Andrearczyk and P. Whelan, "Using filter banks
in Convolutional Neural Networks for texture classification", Pattern Recognition Letters 84, 2016).

The network is two models, so that explanations can start at feature maps:

    pixels  (batch, height, width, channels)  --stem-->  maps (batch, height / 2, width / 2, filters + 2)
    maps    --stages, pooling, a linear layer-->  (batch, outputs)  logits

Each image is brought to one brightness and contrast, so that a lamp that ages changes nothing; what was taken
away stands beside the maps as two even ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

# Few steps an epoch: running statistics must follow within some dozen of them.
MOMENTUM = 0.9
# Keeps the slope of the square root finite where a map is the same everywhere.
LEAST_VARIANCE = 1e-4
# A side of the cells that say what is usual in an image.
CELLS = 8
# Added to an image's spread, in grey levels of 255: noise of an even image must not become a pattern.
LEAST_SPREAD = 1.0
# Of the whole image's spread, the middle cell's counts no less than that.
LEAST_SHARE = 0.5
# Pixels up to which the first convolution takes every place, and beyond which there is a stage more: what
# is fine is still seen, and the costly stages stay as small as they were.
FEW_PIXELS, MANY_PIXELS = 48**2, 160**2


@dataclass(frozen=True)
class NetworkSize:
    """How large a network is.

    Attributes:
        stem: Filters of the first convolution.
        widths: Filters of each stage; a stage halves height and width.
        blocks: Residual blocks a stage.
        dropout: Share of pooled features dropped while training.
    """

    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 128)
    blocks: int = 1
    dropout: float = 0.2


SIZES = {
    "small": NetworkSize(),
    "medium": NetworkSize(24, (48, 96, 192), 1),
    "large": NetworkSize(32, (64, 128, 256), 2),
}


def widths_for(shape: tuple[int, ...], size: NetworkSize) -> tuple[int, ...]:
    """Filters of the stages that suit images of this height and width."""
    return (size.stem, *size.widths) if shape[0] * shape[1] > MANY_PIXELS else size.widths


def build_stem(shape: tuple[int, ...], largest: float, size: NetworkSize) -> keras.Model:
    """Pixels from 0 to `largest` -> feature maps of half the height and width, of small images of all."""
    pixels = keras.Input(shape, name="pixels")
    grey = layers.Rescaling(255.0 / largest)(pixels)
    mean = _usual(grey)
    square = ops.square(grey - mean)
    # Where half of an image is empty, as about a body, the middle cell's spread is nothing.
    whole = LEAST_SHARE * ops.sqrt(ops.mean(square, axis=(1, 2, 3), keepdims=True))
    spread = ops.maximum(ops.sqrt(_usual(square)), whole) + LEAST_SPREAD
    strides = 1 if shape[0] * shape[1] <= FEW_PIXELS else 2
    maps = (grey - mean) / spread
    maps = layers.Conv2D(size.stem, 5, strides=strides, padding="same", use_bias=False)(maps)
    maps = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(maps))
    # By products: Keras takes a sum with a value an image for one with a bias, where there are as many images
    # as rows of pixels.
    even = ops.ones_like(maps[..., :1])
    taken_away = [even * (mean / 128.0 - 1.0), even * (spread / 64.0 - 1.0)]
    return keras.Model(pixels, layers.Concatenate()([maps, *taken_away]), name="stem")


def _usual(values: Any) -> Any:
    """`(batch, 1, 1, 1)` what the middle one of an image's cells has on average.

    A defect that changed what its whole image is measured by would be seen everywhere.
    """
    size = [max(side // CELLS, 1) for side in values.shape[1:3]]
    cells = ops.mean(layers.AveragePooling2D(size)(values), axis=-1)
    return ops.median(ops.reshape(cells, (-1, cells.shape[1] * cells.shape[2])), axis=1)[:, None, None, None]


def side_by_side(stems: list[keras.Model], heads: list[keras.Model]) -> tuple[keras.Model, keras.Model]:
    """Networks as one, whose logits are the mean of theirs.

    Args:
        stems: Pixels -> maps, all of one shape.
        heads: Maps -> logits.
    """
    for number, (stem, head) in enumerate(zip(stems, heads, strict=True)):
        stem.name, head.name = f"stem_{number}", f"head_{number}"
    pixels = keras.Input(stems[0].input.shape[1:], name="pixels")
    maps = layers.Concatenate()([stem(pixels) for stem in stems])
    first = keras.Input(maps.shape[1:], name="feature_maps")
    own = ops.split(first, len(stems), axis=-1)
    logits = layers.Average()([head(part) for head, part in zip(heads, own, strict=True)])
    return keras.Model(pixels, maps, name="stem"), keras.Model(first, logits, name="head")


def build_head(
    shape: tuple[int, ...], outputs: int, widths: tuple[int, ...], size: NetworkSize, peaks: bool = False
) -> keras.Model:
    """Feature maps -> `(batch, outputs)` logits, by one stage a width.

    Args:
        shape: Of the maps.
        outputs: Logits an image.
        widths: Filters of the stages.
        size: Blocks and dropout.
        peaks: Whether the highest value of each map is pooled too, for what is rare and small.
    """
    maps = first = keras.Input(shape, name="feature_maps")
    pooled = _pooled(maps, peaks)
    for width in widths:
        for block in range(size.blocks):
            maps = _block(maps, width, strides=2 if block == 0 else 1)
        pooled += _pooled(maps, peaks)
    features = layers.BatchNormalization(momentum=MOMENTUM)(layers.Concatenate()(pooled))
    return keras.Model(first, layers.Dense(outputs)(layers.Dropout(size.dropout)(features)), name="head")


def _pooled(maps: Any, peaks: bool) -> list[Any]:
    """Mean and spread of each map, and its highest value."""
    variance = ops.var(maps, axis=(1, 2))
    pooled = [layers.GlobalAveragePooling2D()(maps), ops.sqrt(variance + LEAST_VARIANCE)]
    return [*pooled, layers.GlobalMaxPooling2D()(maps)] if peaks else pooled


def _block(maps: Any, width: int, strides: int) -> Any:
    shortcut = maps
    if strides > 1:
        shortcut = layers.AveragePooling2D(strides, padding="same")(shortcut)
    if shortcut.shape[-1] != width:
        shortcut = layers.Conv2D(width, 1, use_bias=False)(shortcut)
        shortcut = layers.BatchNormalization(momentum=MOMENTUM)(shortcut)
    maps = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(maps)
    maps = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(maps))
    maps = layers.Conv2D(width, 3, padding="same", use_bias=False)(maps)
    maps = layers.BatchNormalization(momentum=MOMENTUM)(maps)
    return layers.ReLU()(layers.Add()([maps, shortcut]))
