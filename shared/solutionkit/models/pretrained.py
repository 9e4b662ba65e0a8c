"""Pre-trained image networks of keras.applications; their weights may come from a file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import keras
from keras import layers

from solutionkit.declaration import Training
from solutionkit.errors import UserError

BLOCK = 1 << 20


def pretrained_maps(training: Training, shape: tuple[int, ...], largest: float) -> keras.Model:
    """Pixels from 0 to `largest` -> feature maps of a network trained on ImageNet, which are not trained on.

    Args:
        training: Names the backbone and, where there is no network, the file of its weights.
        shape: Height, width and channels of the images.
        largest: 255 or 65,535.

    Raises:
        UserError: The weights cannot be downloaded, or are not what they should be.
    """
    name = training.backbone or ""
    build = getattr(keras.applications, name)
    pixels = keras.Input(shape, name="pixels")
    scaled: Any = layers.Rescaling(255.0 / largest)(pixels)
    if shape[-1] == 1:
        scaled = layers.Concatenate()([scaled, scaled, scaled])
    if training.weights:
        check_file(training.weights, training.weights_sha256 or "")
        backbone = build(include_top=False, weights=None, input_shape=(*shape[:2], 3))
        try:
            backbone.load_weights(training.weights)
        except Exception as error:
            raise UserError(
                f"{training.weights}: no weights of {name} without its top: {str(error).splitlines()[0]}"
            ) from error
    else:
        try:
            backbone = build(include_top=False, weights="imagenet", input_shape=(*shape[:2], 3))
        except Exception as error:
            raise UserError(
                f"the weights of {name} could not be downloaded ({str(error).splitlines()[0]});"
                " without a network, fetch the file elsewhere and name it as training.weights, its checksum"
                " as training.weights_sha256, or leave out training.backbone to learn from scratch"
            ) from error
    backbone.trainable = False
    return keras.Model(pixels, backbone(scaled, training=False), name="maps")


def check_file(file: Path, sha256: str) -> None:
    """See that a file of weights is there and is the one that was meant.

    Raises:
        UserError: It is missing, has another checksum, or is of a kind that could run code.
    """
    if not file.is_file():
        raise UserError(f"{file}: no such file; see training.weights.")
    if not file.name.endswith((".weights.h5", ".h5")):
        raise UserError(f"{file}: weights are read from .h5 files only.")
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != sha256.lower():
        raise UserError(
            f"{file}: its checksum is {digest.hexdigest()}, but training.weights_sha256 says {sha256};"
            " fetch it again"
        )
