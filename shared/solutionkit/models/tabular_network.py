"""The tabular deep model: TabM trained with AdamW and early stopping, seeded.

No row is dropped or drawn twice; what is rare weighs more in the loss (`heads`).
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
from solutionkit.kinds import CATEGORICAL, NUMERIC, SEQUENCE
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.epochs import epoch_facts
from solutionkit.models.explanation_files import save_background
from solutionkit.models.heads import Head
from solutionkit.models.sequence_encoder import build_sequence_encoder, step_moments
from solutionkit.models.tabm import SIZES, build_embedding, build_head, quantile_edges
from solutionkit.models.trained import TrainedModel

EXPLAINER = "solutionkit.explain.table_network:TableNetwork"
EMBEDDING_FILE, HEAD_FILE = "embedding.keras", "head.keras"
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 3e-4
PATIENCE = 6
BACKGROUND_ROWS = 200
SMALLEST_BATCH, LARGEST_BATCH, STEPS_PER_EPOCH = 256, 4096, 48


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
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
    edges = [quantile_edges(column, size.bins).tolist() for column in train.of(NUMERIC).T]
    encoder = None
    for feature in spec.of(SEQUENCE):
        moments = step_moments(train.of(SEQUENCE))
        encoder = build_sequence_encoder(*moments, feature.shape[0], size.embedding)
    cardinalities = [feature.cardinality for feature in spec.of(CATEGORICAL)]
    embedding = build_embedding(edges, cardinalities, size, encoder)
    head = spec.task.head(train.label)
    members = head.finished(build_head(embedding.output_shape[1], head.outputs, size))
    network = keras.Model(embedding.input, members(embedding.output))
    network.compile(
        optimizer=keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        loss=members_loss(head),
        metrics=[keras.metrics.MeanMetricWrapper(ensemble_loss(head), name="ensemble_loss")],
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
        return ensemble_answers(head, network(columns, training=False))

    def save_for_explanation(folder: Path) -> None:
        embedding.save(folder / EMBEDDING_FILE)
        members.save(folder / HEAD_FILE)
        drawn = np.random.default_rng(training.seed).permutation(len(train))[:BACKGROUND_ROWS]
        save_background(folder, train.take(np.sort(drawn)).inputs)

    losses = history.history["val_ensemble_loss"]
    facts = {
        "algorithm": "TabM",
        "parameters": int(network.count_params()),
        "members": size.members,
        **epoch_facts(losses, training.epochs),
        **head.facts,
    }
    for feature in spec.of(SEQUENCE):
        facts["sequence"] = f"{feature.shape[0]} steps by convolutions"
    scores = scores_in_batches(score, validation)
    return TrainedModel(score, scores, save_for_explanation, EXPLAINER, facts, [network])


def batch_size(rows: int) -> int:
    """A power of two that makes about `STEPS_PER_EPOCH` steps an epoch."""
    wanted = 2 ** round(np.log2(max(rows / STEPS_PER_EPOCH, 1)))
    return int(np.clip(wanted, SMALLEST_BATCH, LARGEST_BATCH))


def members_loss(head: Head) -> Callable[[Any, Any], Any]:
    """Mean over the members of each one's own loss: `(b,)`, `(b, k, outputs) -> (b,)`."""

    def loss(target: Any, raw: Any) -> Any:
        return ops.mean(head.losses(target, raw), axis=1)

    return loss


def ensemble_loss(head: Head) -> Callable[[Any, Any], Any]:
    """Loss of the members' mean answer: `(b,)`, `(b, k, outputs) -> (b,)`."""
    return lambda target, raw: head.loss(target, ensemble_answers(head, raw))


def ensemble_answers(head: Head, raw: Any) -> Any:
    """Mean over the members of their answers: `(b, k, outputs) -> (b, outputs)`."""
    return ops.mean(head.answers(raw), axis=1)


def scores_in_batches(score: Any, arrays: TransformedSplit, rows: int = LARGEST_BATCH) -> np.ndarray:
    """`(rows, outputs)` scores."""
    compiled = tf.function(score, reduce_retracing=True)
    return np.concatenate([compiled(batch).numpy() for batch in arrays.batches(rows)])
