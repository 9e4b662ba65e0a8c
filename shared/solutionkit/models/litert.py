"""A network for images as a quantised LiteRT (TensorFlow Lite) model, for machines on the line.

The file takes pixels, not image files: a camera has no JPEG to send. Weights are eight-bit integers, and
activations are quantised while it runs where the kernels can ("dynamic range"). Fixed eight-bit activations
lose much here, because spreads of maps are small differences of large squares: one class in thirteen changed,
against none.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from solutionkit.errors import UserError
from solutionkit.models.calibrating import load_calibrator
from solutionkit.models.explanation_files import EXPLANATION_FOLDER
from solutionkit.models.image_network import HEAD_FILE, MAPS_FILE

PIXELS, PROBABILITY = "pixels", "probability"


def convert(model: Path) -> bytes:
    """The LiteRT model of an exported network.

    Args:
        model: The SavedModel's folder.

    Raises:
        UserError: The model is no network for images.
    """
    parts = model / EXPLANATION_FOLDER
    if not (parts / MAPS_FILE).is_file():
        raise UserError(
            f"{model}: not a network for images. LiteRT has no operations for trees and texture histograms:"
            " export the deep model with --model deep, or serve this one."
        )
    maps = keras.models.load_model(parts / MAPS_FILE, compile=False)
    head = keras.models.load_model(parts / HEAD_FILE, compile=False)
    logits = head(maps.output)
    last = keras.layers.Activation("sigmoid" if logits.shape[-1] == 1 else "softmax", name=PROBABILITY)
    answers = last(logits)
    if calibrator := load_calibrator(parts):
        answers = keras.layers.Lambda(calibrator, name="calibrated")(answers)
    network = keras.Model(maps.input, answers)
    with tempfile.TemporaryDirectory(prefix="solutionkit-") as folder:
        signature = [tf.TensorSpec([1, *maps.input.shape[1:]], tf.float32, PIXELS)]
        network.export(folder, format="tf_saved_model", verbose=False, input_signature=signature)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        content: bytes = converter.convert()
    return content


class LiteScorer:
    """Scores pixels with a LiteRT model.

    Args:
        content: The model.
    """

    def __init__(self, content: bytes) -> None:
        self._interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def score(self, images: np.ndarray) -> np.ndarray:
        """`(images, outputs)` probabilities of `(images, height, width, channels)` pixels, one at a time."""
        scores = []
        for image in images:
            self._interpreter.set_tensor(self._input, image[None].astype(np.float32))
            self._interpreter.invoke()
            scores.append(self._interpreter.get_tensor(self._output)[0])
        return np.array(scores, np.float64)
