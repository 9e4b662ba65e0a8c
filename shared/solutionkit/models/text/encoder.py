"""The deep model of texts on a pre-trained encoder: what it makes of a text, and a linear model of that.

The encoder is a KerasHub preset and is not trained on: its last layer's vectors, averaged over the text's
tokens, are learned from as the baseline learns from n-grams. Tokens are cut in the graph, so that the export
takes raw texts.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.errors import UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import TEXT
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.folds import among_all, drawn, fold_codes, parted
from solutionkit.models.text.explaining import EXPLAINER, save_nothing
from solutionkit.models.text.linear import MOST_MARGINS, learned
from solutionkit.models.trained import TrainedModel

# Tokens of a text that are read, texts at once, and texts that are learned from, at leisure.
MOST_TOKENS, TEXTS_AT_ONCE, MOST_READ = 128, 32, 20_000
LEAST = 1e-6


class Encoder:
    """Texts -> vectors.

    Args:
        preset: A KerasHub preset's folder, or its name.

    Raises:
        UserError: The library is missing, or the preset.
    """

    def __init__(self, preset: str) -> None:
        try:
            from keras_hub.models import Backbone, TextClassifierPreprocessor
        except ImportError as error:
            raise UserError(
                f"training.encoder: {error.name or error} is not installed; install keras-hub and"
                " tensorflow-text beside solutionkit, or remove the key to learn from scratch."
            ) from error
        try:
            self.preprocessor = TextClassifierPreprocessor.from_preset(preset, sequence_length=MOST_TOKENS)
            self.backbone = Backbone.from_preset(preset)
        except Exception as error:
            why = (str(error).splitlines() or [type(error).__name__])[0][:300]
            if Path(preset).is_dir():
                message = f"{preset} holds no text encoder that KerasHub reads ({why})."
            else:
                message = (
                    f"the preset '{preset}' could not be downloaded ({why}); without a network fetch it"
                    " elsewhere and name its folder, or remove the key to learn from scratch."
                )
            raise UserError(f"training.encoder: {message}") from error
        self.backbone.trainable = False
        self._read: dict[bytes, np.ndarray] = {}

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """`(batch, width)` means of the last layer's vectors of `(batch,)` texts' tokens."""
        tokens = self.preprocessor(texts)
        found = self.backbone(tokens, training=False)
        vectors = found["sequence_output"] if isinstance(found, dict) else found
        there = tf.cast(tokens["padding_mask"], tf.float32)[:, :, None]
        vectors = tf.cast(vectors, tf.float32)
        return tf.reduce_sum(vectors * there, axis=1) / tf.maximum(tf.reduce_sum(there, axis=1), 1.0)

    def of(self, texts: np.ndarray) -> np.ndarray:
        """`(rows, width)` of `(rows,)` texts in UTF-8; each is read once, however many labels it has."""
        step = tf.function(self, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        new = [text for text in dict.fromkeys(texts.tolist()) if text not in self._read]
        for at in range(0, len(new), TEXTS_AT_ONCE):
            some = new[at : at + TEXTS_AT_ONCE]
            self._read |= zip(some, step(tf.constant(some)).numpy(), strict=True)
        return np.stack([self._read[text] for text in texts.tolist()])


@lru_cache(maxsize=1)
def encoder_of(preset: str) -> Encoder:
    """The encoder of a preset, the same for all labels of a run."""
    return Encoder(preset)


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train a linear model of what an encoder makes of texts.

    Args:
        train: Texts to fit.
        validation: Texts that choose penalty and temperature.
        spec: What the columns are.
        training: Names the encoder; seed and preset.
    """
    head = spec.task.head(train.label)
    encoder = encoder_of(training.encoder or "")
    chosen = drawn(len(train), round(MOST_READ * training.leisure), training.seed)
    rows = train.take(chosen).joined(validation)
    vectors = encoder.of(rows.inputs[TEXT])
    middle, spread = vectors.mean(axis=0), np.maximum(vectors.std(axis=0), LEAST)
    # Of about unit length, as rows of TF-IDF are, so that the same penalties suit.
    spread *= np.sqrt(vectors.shape[1])
    folds = fold_codes(rows, training, training.leisure * MOST_MARGINS / head.outputs)
    found = learned((vectors - middle) / spread, rows.label, folds, head, training.seed)
    weights = tf.constant(found.weights[:-1] / spread[:, None], tf.float32)
    bias = tf.constant(found.weights[-1] - middle @ (found.weights[:-1] / spread[:, None]), tf.float32)

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        return head.answers(encoder(columns[TEXT]) @ weights + bias)

    train_scores, scores = parted(found.held_out, len(chosen))
    facts: dict[str, Any] = {
        "algorithm": f"a linear model of the text encoder {Path(training.encoder or '').name}",
        "parameters": int(encoder.backbone.count_params() + found.weights.size),
        "rows": len(rows),
        **found.facts,
    }
    trackables: list[keras.layers.Layer] = [encoder.backbone, encoder.preprocessor]
    return TrainedModel(
        score,
        scores,
        save_nothing,
        EXPLAINER,
        facts,
        trackables=trackables,
        train_scores=among_all(train_scores, chosen, len(train)),
    )
