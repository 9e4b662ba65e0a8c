"""How one network learns of images: in steps of a falling learning rate, judged by held-out images.

Some hundred images make few steps an epoch, so training is counted in steps. What is kept is the running mean
of the weights that had the least loss of held-out images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.errors import UserError
from solutionkit.kinds import IMAGE
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.joint_head import JointHead, ignorance
from solutionkit.progress import Progress

BATCH, BATCH_SCORED = 16, 128
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 0.05
# Steps of a network, with the preset "quick", and as many as show each image so often.
STEPS, FEW_STEPS, SHOWN = 3200, 1600, 2
# Times that each small image is shown, in at most so many steps, with so many networks to learn.
OFTEN, MOST_STEPS, FITS, SMALL_PIXELS = 50, 4500, 3, 96**2
# Steps of the round in which recipes compete, and the largest share of the time for it.
TRIAL_STEPS, TRIAL_SHARE = 400, 0.1
# Steps times their cost that two cores make in ten minutes; no training is shorter than so many steps.
STEP_PIXELS, LEAST_STEPS = 260_000_000, 100
# What a step costs for each pixel, relative to a small network's.
COSTS = {"small": 1.0, "medium": 2.2, "large": 8.0}
# Looks at the held-out images. Learning ends when their loss has come down to this share of what it is for
# one who knows no more than how frequent their classes are.
LOOKS, NOTHING_LEFT = 10, 0.005
# The running mean of the weights reaches back so many steps, and is brought up to date after so many.
REACH, EVERY = 40, 4

# Changes a batch of images and labels while training.
Change = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


@dataclass(frozen=True)
class Network:
    """A network and the two parts that it is explained by.

    Attributes:
        maps: Pixels -> feature maps.
        head: Feature maps -> logits, of all labels.
        whole: Pixels -> logits.
        name: What to call it.
        answers: Logits -> probabilities.
    """

    maps: keras.Model
    head: keras.Model
    whole: keras.Model
    name: str
    answers: Callable[[tf.Tensor], tf.Tensor]

    def score(self, columns: dict[str, tf.Tensor]) -> tf.Tensor:
        """Transformed columns -> `(batch, outputs)` probabilities."""
        return self.answers(self.whole(columns[IMAGE], training=False))

    @property
    def facts(self) -> dict[str, Any]:
        """What to tell of it."""
        return {"algorithm": self.name, "parameters": int(self.whole.count_params())}


@dataclass(frozen=True)
class Lessons:
    """How long a network learns, and how fast.

    Attributes:
        steps: At most.
        seed: Of weights, shuffling and changes.
        trial: Steps of the round in which recipes compete, before those.
        enough: See `NOTHING_LEFT`; 0 if no step may be left out.
        learning_rate: At the begin of a round.
        weight_decay: Of AdamW.
    """

    steps: int
    seed: int
    trial: int = 0
    enough: float = NOTHING_LEFT
    learning_rate: float = LEARNING_RATE
    weight_decay: float = WEIGHT_DECAY


def room_for(shape: tuple[int, ...], training: Training) -> float:
    """Steps that there is time for, at images of some height and width."""
    leisure = training.leisure if training.by_folds else 1.0
    return leisure * STEP_PIXELS / (shape[0] * shape[1] * COSTS[training.size])


def lessons_for(rows: int, shape: tuple[int, ...], training: Training, recipes: int = 1) -> Lessons:
    """How long to learn from so many images, by their number and size and not by the clock.

    Args:
        rows: Images to fit.
        shape: Height and width, and more that is not read.
        training: Preset, seed, size, minutes and, if declared, epochs.
        recipes: That compete.
    """
    if training.epochs:
        return Lessons(max(training.epochs * rows // BATCH, 1), training.seed, enough=0.0)
    room = room_for(shape, training)
    trial = round(max(min(TRIAL_SHARE * room, TRIAL_STEPS), LEAST_STEPS / 2)) if recipes > 1 else 0
    wished = FEW_STEPS
    if training.by_folds:
        # Of many small images there is time for each of them often enough.
        small = shape[0] * shape[1] <= SMALL_PIXELS
        often = min(OFTEN * rows / BATCH, MOST_STEPS, room / FITS) if small else 0.0
        wished = max(STEPS, often) * max(training.leisure, 1.0) ** 0.5
    steps = min(max(wished, SHOWN * rows / BATCH), room - recipes * trial)
    return Lessons(round(max(steps, LEAST_STEPS)), training.seed, trial)


@dataclass(frozen=True)
class Pupil:
    """A network, and what it learns from.

    Attributes:
        network: What learns.
        images: `(images, height, width, channels)` pixels, of which it learns from some.
        labels: `(images, labels)` class ids, -1 where an image has none.
        learned: Positions of those.
        held_out: Images that choose the weights.
        head: What their loss is.
        change: Augmentation.
        weights: Of each label's classes, if they differ.
    """

    network: Network
    images: tf.Tensor
    labels: tf.Tensor
    learned: np.ndarray
    held_out: TransformedSplit
    head: JointHead
    change: Change
    weights: list[np.ndarray] | None = None

    def batches(self, size: int, seed: int) -> tf.data.Dataset:
        """Endless shuffled, changed batches of one size.

        Args:
            size: Images a batch.
            seed: Of the shuffling.
        """
        rows = tf.data.Dataset.from_tensor_slices(self.learned).shuffle(len(self.learned), seed=seed).repeat()

        def batch(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            pixels = tf.cast(tf.gather(self.images, chosen), tf.float32)
            return self.change(pixels, tf.gather(self.labels, chosen))

        return rows.batch(size, drop_remainder=True).map(batch).prefetch(2)


class Learner:
    """Lets a network learn.

    Args:
        pupil: The network and its images.
        lessons: How long.
        progress: Told of each step.

    Attributes:
        mean: Of its weights.
    """

    def __init__(self, pupil: Pupil, lessons: Lessons, progress: Progress) -> None:
        self._pupil, self._lessons, self._progress = pupil, lessons, progress
        self._batches = pupil.batches(min(BATCH, len(pupil.learned)), lessons.seed)
        self.mean = RunningMean(pupil, progress)

    def trial(self) -> float:
        """The loss of held-out images after a short round; infinite if it never was a number."""
        self._round(self._lessons.trial, looks=1, enough=0.0)
        return self.mean.least

    def finished(self) -> Network:
        """The network with its best weights, after as many steps as it may learn.

        Raises:
            UserError: The loss never was a number.
        """
        self._round(self._lessons.steps, LOOKS, self._lessons.enough)
        self.mean.put_best()
        return self._pupil.network

    def _round(self, steps: int, looks: int, enough: float) -> None:
        whole, before = self._pupil.network.whole, self.mean.steps
        self.mean.plan(steps, looks, enough)
        rate = keras.optimizers.schedules.CosineDecay(self._lessons.learning_rate, steps, alpha=1e-3)
        optimizer = keras.optimizers.AdamW(rate, weight_decay=self._lessons.weight_decay)
        # XLA's convolutions are slower than oneDNN's here.
        whole.compile(optimizer, self._pupil.head.lesson(self._pupil.weights), jit_compile=False)
        whole.fit(
            self._batches,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[self.mean],
        )
        self._progress.skip(steps - (self.mean.steps - before))


class RunningMean(keras.callbacks.Callback):
    """Look at held-out images with the running mean of the weights, and keep that with the least loss.

    Args:
        pupil: What learns, and the images that it does not learn from.
        progress: Told of each step.

    Attributes:
        steps: That were made.
        losses: At each look.
        least: Of these.
    """

    def __init__(self, pupil: Pupil, progress: Progress) -> None:
        super().__init__()
        self._held_out, self._head, self._progress = pupil.held_out, pupil.head, progress
        self._own = list(pupil.network.whole.variables)
        self._means = [tf.Variable(own.value) for own in self._own]
        self._best: list[np.ndarray] = []
        self._looks: set[int] = set()
        self._ignorant = ignorance(pupil.held_out.labels)
        self._enough = 0.0
        self._updates = self.steps = 0
        self.losses: list[float] = []
        self.least = np.inf

        @tf.function
        def follow(share: tf.Tensor) -> None:
            for mean, own in zip(self._means, self._own, strict=True):
                if mean.dtype.is_floating:
                    mean.assign_add(share * (own.value - mean))

        self._follow = follow
        self._score = tf.function(pupil.network.score, reduce_retracing=True)

    def plan(self, steps: int, looks: int, enough: float) -> None:
        """Spread looks over the steps to come.

        Args:
            steps: Of a round.
            looks: At most so many, the last one after its last step.
            enough: At this share of the ignorant's loss the round ends.
        """
        looks = min(looks, steps)
        self._looks = {self.steps + round(steps * (i + 1) / looks) for i in range(looks)}
        self._enough = enough * self._ignorant

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Bring the mean up to date, and look if it is time."""
        del batch, logs
        self.steps += 1
        self._progress.step()
        if self.steps % EVERY == 0 or self.steps < EVERY:
            self._updates += 1
            self._follow(tf.constant(max(EVERY / REACH, 1.0 / self._updates), tf.float32))
        if self.steps in self._looks:
            self._look()

    def _look(self) -> None:
        learning = [own.numpy() for own in self._own]
        means = [mean.numpy() for mean in self._means]
        self._put(means)
        answers = np.concatenate(
            [self._score(batch).numpy() for batch in self._held_out.batches(BATCH_SCORED)]
        )
        loss = float(np.mean(self._head.loss(self._held_out.labels, answers)))
        self.losses.append(loss)
        if loss < self.least:
            self.least, self._best = loss, means
        # What is no number will not become one.
        self.model.stop_training = not loss > self._enough
        self._put(learning)

    def put_best(self) -> None:
        """Give the network the best weights.

        Raises:
            UserError: There are none.
        """
        if not self._best:
            raise UserError(
                "the network learned nothing: its loss was never a number; are there images without content?"
            )
        self._put(self._best)

    def _put(self, values: list[np.ndarray]) -> None:
        for own, value in zip(self._own, values, strict=True):
            own.assign(value)


def scores_in_batches(score: Any, images: TransformedSplit) -> np.ndarray:
    """`(images, outputs)` scores."""
    compiled = tf.function(score, reduce_retracing=True)
    return np.concatenate([compiled(batch).numpy() for batch in images.batches(BATCH_SCORED)])
