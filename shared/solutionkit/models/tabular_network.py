"""The tabular deep model: TabM trained with AdamW and early stopping, seeded.

Where positives are rare they weigh more in the loss, and logits are shifted by the logarithm of that weight
while training, so that probabilities stay what they are (A. Menon et al.: "Long-tail learning via logit
adjustment", ICLR 2021, arXiv 2007.07314, section 4.2). No row is dropped or drawn twice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.models.arrays import Arrays
from solutionkit.models.epochs import epoch_facts
from solutionkit.models.gradient_boosting import is_rare
from solutionkit.models.sequence_encoder import build_sequence_encoder, step_moments
from solutionkit.models.tabm import SIZES, build_embedding, build_head, quantile_edges
from solutionkit.models.trained import TrainedModel

EMBEDDING_FILE, HEAD_FILE = "embedding.keras", "head.keras"
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 3e-4
PATIENCE = 6
SMALLEST_BATCH, LARGEST_BATCH, STEPS_PER_EPOCH = 256, 4096, 48


def train(train: Arrays, validation: Arrays, spec: TableSpec, training: Training) -> TrainedModel:
    """Train the network; the weights of the epoch with the least validation loss are kept.

    Args:
        train: Rows to fit.
        validation: Rows that end the training.
        spec: What the columns are.
        training: Seed, most epochs and size.
    """
    keras.utils.set_random_seed(training.seed)
    tf.config.experimental.enable_op_determinism()
    size = SIZES[training.size]
    edges = [quantile_edges(column, size.bins).tolist() for column in train.numeric.T]
    encoder = None
    if spec.sequence:
        moments = step_moments(train.sequence)
        encoder = build_sequence_encoder(*moments, spec.sequence.shape[0], size.embedding)
    cardinalities = [feature.cardinality for feature in spec.categorical]
    embedding = build_embedding(edges, cardinalities, size, encoder)
    head = build_head(embedding.output_shape[1], 1, size)
    network = keras.Model(embedding.input, head(embedding.output))
    network.compile(
        optimizer=keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        loss=members_loss(positive_weight(train.label)),
        metrics=[keras.metrics.MeanMetricWrapper(ensemble_loss, name="ensemble_loss")],
        # XLA takes longer to compile this network than to train it, and its steps are no faster on CPUs.
        jit_compile=False,
    )
    history = network.fit(
        train.inputs,
        train.label,
        batch_size=batch_size(len(train)),
        epochs=training.epochs,
        verbose=0,
        validation_data=(validation.inputs, validation.label),
        validation_batch_size=LARGEST_BATCH,
        callbacks=[
            keras.callbacks.EarlyStopping(
                "val_ensemble_loss", mode="min", patience=PATIENCE, restore_best_weights=True
            )
        ],
    )

    def score(columns: dict[str, Any]) -> tf.Tensor:
        return ensemble_probability(network(columns, training=False))

    def save_for_explanation(folder: Path) -> None:
        embedding.save(folder / EMBEDDING_FILE)
        head.save(folder / HEAD_FILE)

    losses = history.history["val_ensemble_loss"]
    facts = {
        "algorithm": "TabM",
        "parameters": int(network.count_params()),
        "members": size.members,
        **epoch_facts(losses, training.epochs),
    }
    if is_rare(train.label):
        facts["positive_weight"] = round(positive_weight(train.label), 2)
    if spec.sequence:
        facts["sequence"] = f"{spec.sequence.shape[0]} steps by convolutions"
    scores = scores_in_batches(score, validation)
    return TrainedModel(score, scores, save_for_explanation, facts, [network])


def batch_size(rows: int) -> int:
    """A power of two that makes about `STEPS_PER_EPOCH` steps an epoch."""
    wanted = 2 ** round(np.log2(max(rows / STEPS_PER_EPOCH, 1)))
    return int(np.clip(wanted, SMALLEST_BATCH, LARGEST_BATCH))


def positive_weight(labels: np.ndarray) -> float:
    """How much a positive row weighs: the root of the odds against it where it is rare, else one.

    The root did better than one on validation rows (benchmarks/README.md, fraud).
    """
    share = float(labels.mean())
    return float(np.sqrt((1.0 - share) / share)) if is_rare(labels) else 1.0


def members_loss(weight: float) -> Callable[[Any, Any], Any]:
    """Mean over the members of each one's own log loss: `(b,)`, `(b, k, 1) -> (b,)`.

    Args:
        weight: Of positive rows; probabilities stay calibrated, see above.
    """

    def loss(label: Any, logits: Any) -> Any:
        label = ops.cast(ops.reshape(label, (-1, 1, 1)), logits.dtype)
        logits = logits + float(np.log(weight))
        losses = ops.maximum(logits, 0.0) - logits * label + ops.log1p(ops.exp(-ops.abs(logits)))
        return ops.mean(losses * (1.0 + (weight - 1.0) * label), axis=(1, 2))

    return loss


def ensemble_loss(label: Any, logits: Any) -> Any:
    """Log loss of the members' mean probability: `(b,)`, `(b, k, 1) -> (b,)`."""
    probability = ops.clip(ensemble_probability(logits), 1e-7, 1.0 - 1e-7)
    label = ops.cast(ops.reshape(label, (-1, 1)), probability.dtype)
    return -ops.squeeze(label * ops.log(probability) + (1.0 - label) * ops.log(1.0 - probability), -1)


def ensemble_probability(logits: Any) -> Any:
    """Mean over the members of their probabilities: `(b, k, 1) -> (b, 1)`."""
    return ops.mean(ops.sigmoid(logits), axis=1)


def scores_in_batches(score: Any, arrays: Arrays, rows: int = LARGEST_BATCH) -> np.ndarray:
    """`(rows, outputs)` scores."""
    compiled = tf.function(score, reduce_retracing=True)
    return np.concatenate([compiled(batch).numpy() for batch in arrays.batches(rows)])
