"""The deep model for images: a residual network from scratch, or on pre-trained features; seeded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.augmentation import augment
from solutionkit.models.epochs import epoch_facts
from solutionkit.models.explanation_files import save_background
from solutionkit.models.image_background import background_images
from solutionkit.models.pretrained import pretrained_maps
from solutionkit.models.residual_network import SIZES, build_head, build_stem
from solutionkit.models.tabular_network import scores_in_batches
from solutionkit.models.texture_boosting import largest_value
from solutionkit.models.trained import TrainedModel

EXPLAINER = "solutionkit.explain.image_models:NetworkExplainer"
MAPS_FILE, HEAD_FILE = "maps.keras", "head.keras"
BATCH, BATCH_SCORED = 32, 128
LEARNING_RATE, FIRST_LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1.5e-4, 0.05
WARM_UP_EPOCHS, EPOCHS = 2, 60
# A class that is this much rarer than the most frequent one weighs no more than that.
LARGEST_WEIGHT = 10.0


# Changes a batch of images and labels while training.
Change = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


@dataclass(frozen=True)
class Network:
    """A network and the two parts that it is explained by.

    Attributes:
        maps: Pixels -> feature maps.
        head: Feature maps -> logits.
        whole: Pixels -> logits.
        name: What to call it.
    """

    maps: keras.Model
    head: keras.Model
    whole: keras.Model
    name: str

    def score(self, columns: dict[str, tf.Tensor]) -> tf.Tensor:
        """Transformed columns -> `(batch, outputs)` probabilities."""
        return probabilities(self.whole(columns[IMAGE], training=False))

    def facts(self, losses: list[float], allowed: int) -> dict[str, Any]:
        """What to tell of a training with these validation losses, of so many epochs at most."""
        return {
            "algorithm": self.name,
            "parameters": int(self.whole.count_params()),
            **epoch_facts(losses, allowed),
        }


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the network; the weights of the epoch with the least validation loss are kept.

    Args:
        train: Images to fit.
        validation: Images that choose the epoch.
        spec: What the columns are.
        training: Seed, epochs, size and, if wished, a pre-trained backbone.
    """
    network = build(spec, training)
    largest = largest_value(spec.only(IMAGE))

    def augmented(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return augment(images, largest), labels

    losses = fit(network.whole, train, validation, augmented, training, class_weights(train.label))
    scores = scores_in_batches(network.score, validation, BATCH_SCORED)
    facts = network.facts(losses, epochs_of(training))
    return TrainedModel(
        network.score,
        scores,
        functools.partial(save, network, train, spec, training),
        EXPLAINER,
        facts,
        [network.whole],
    )


def save(
    network: Network, train: TransformedSplit, spec: TableSpec, training: Training, folder: Path
) -> None:
    """Write both parts, and images to compare with, for the explainer.

    Args:
        network: What was trained.
        train: Images to compare with are chosen from these.
        spec: What the columns are.
        training: The seed, as declared.
        folder: Where the explainer will look.
    """
    network.maps.save(folder / MAPS_FILE)
    network.head.save(folder / HEAD_FILE)
    save_background(folder, background_images(train, spec, training.seed))


def build(spec: TableSpec, training: Training, peaks: bool = False) -> Network:
    """A seeded network for a specification's images and classes; see `build_head` for `peaks`."""
    feature = spec.only(IMAGE)
    keras.utils.set_random_seed(training.seed)
    tf.config.experimental.enable_op_determinism()
    size, largest = SIZES[training.size], largest_value(feature)
    widths = () if training.backbone else size.widths
    if training.backbone:
        maps = pretrained_maps(training, feature.shape, largest)
    else:
        maps = build_stem(feature.shape, largest, size)
    head = build_head(maps.output.shape[1:], spec.task.outputs, widths, size, peaks)
    whole = keras.Model(maps.input, head(maps.output))
    return Network(maps, head, whole, training.backbone or "Residual network")


def fit(
    network: keras.Model,
    train: TransformedSplit,
    validation: TransformedSplit,
    change: Change,
    training: Training,
    weights: dict[int, float] | None = None,
    rounds: int = 1,
) -> list[float]:
    """Train with a cosine schedule; returns the validation losses.

    Args:
        network: Pixels -> logits.
        train: Images to fit.
        validation: Images that choose the epoch.
        change: Augmentation.
        training: Seed and epochs.
        weights: Of the classes.
        rounds: How often an epoch sees each image.
    """
    batch = min(BATCH, len(train))
    steps = rounds * len(train) // batch
    schedule = keras.optimizers.schedules.CosineDecay(
        FIRST_LEARNING_RATE,
        max((epochs_of(training) - WARM_UP_EPOCHS) * steps, 1),
        warmup_target=LEARNING_RATE,
        warmup_steps=WARM_UP_EPOCHS * steps,
    )
    loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if network.output.shape[-1] == 1:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
    network.compile(keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY), loss, jit_compile=True)
    history = network.fit(
        batches(train, batch, change, training.seed),
        epochs=epochs_of(training),
        steps_per_epoch=steps,
        verbose=0,
        validation_data=unchanged(validation),
        class_weight=weights,
        callbacks=[BestWeights()],
    )
    losses: list[float] = history.history["val_loss"]
    return losses


class BestWeights(keras.callbacks.Callback):
    """Keep the weights of the epoch with the least validation loss.

    Under a cosine schedule the loss falls until the end, so no epoch is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._least, self._weights = np.inf, None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the epoch's loss."""
        if logs and logs["val_loss"] < self._least:
            self._least, self._weights = logs["val_loss"], self.model.get_weights()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Put the best weights back."""
        if self._weights is not None:
            self.model.set_weights(self._weights)


def batches(train: TransformedSplit, size: int, change: Change, seed: int) -> tf.data.Dataset:
    """Endless shuffled, changed batches of one size.

    Args:
        train: The images.
        size: Images a batch.
        change: Augmentation, see `augmentation`.
        seed: Of the shuffling.
    """
    rows = tf.data.Dataset.range(len(train)).shuffle(len(train), seed=seed).repeat()
    images, labels = tf.constant(train.of(IMAGE)), tf.constant(train.label)

    def batch(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return change(tf.cast(tf.gather(images, chosen), tf.float32), tf.gather(labels, chosen))

    return rows.batch(size, drop_remainder=True).map(batch).prefetch(2)


def unchanged(arrays: TransformedSplit) -> tf.data.Dataset:
    """Batches in order, as they are."""
    pairs = tf.data.Dataset.from_tensor_slices((arrays.of(IMAGE), arrays.label)).batch(BATCH_SCORED)
    return pairs.map(lambda image, label: (tf.cast(image, tf.float32), label)).prefetch(2)


def epochs_of(training: Training) -> int:
    """How many epochs there are; the schedule uses all."""
    return training.epochs or EPOCHS


def class_weights(labels: np.ndarray) -> dict[int, float]:
    """Weights under which the root of a class's size counts, so that rare ones are heard."""
    counts = np.bincount(labels)
    weights = np.minimum(np.sqrt(counts.max() / np.maximum(counts, 1)), LARGEST_WEIGHT)
    weights /= (weights * counts).sum() / counts.sum()
    return {position: float(weight) for position, weight in enumerate(weights)}


def probabilities(logits: tf.Tensor) -> tf.Tensor:
    """`(batch, outputs)` logits as probabilities."""
    return tf.sigmoid(logits) if logits.shape[-1] == 1 else tf.nn.softmax(logits)
