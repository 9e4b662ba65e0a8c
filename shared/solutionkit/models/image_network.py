"""The deep model for images: a residual network from scratch, or on pre-trained features; seeded.

Some hundred images make few steps an epoch, so training is counted in steps: rounds of a falling learning
rate, each from where the last one ended, until a round no longer lowers the loss of held-out images
(I. Loshchilov, F. Hutter: "SGDR", ICLR 2017). What is kept is a running mean of the weights.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.augmentation import CHANGES, Changes, augment
from solutionkit.models.explanation_files import save_background
from solutionkit.models.folds import fold_codes, parted
from solutionkit.models.heads import Head
from solutionkit.models.image_background import background_images
from solutionkit.models.pretrained import pretrained_maps
from solutionkit.models.residual_network import (
    SIZES,
    NetworkSize,
    build_head,
    build_stem,
    side_by_side,
    widths_for,
)
from solutionkit.models.search import Span, Trial, search
from solutionkit.models.tabular_network import scores_in_batches
from solutionkit.models.texture_baseline import largest_value
from solutionkit.models.trained import TrainedModel
from solutionkit.progress import Progress

EXPLAINER = "solutionkit.explain.image_models:NetworkExplainer"
MAPS_FILE, HEAD_FILE = "maps.keras", "head.keras"
BATCH, BATCH_SCORED = 16, 128
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 0.05
# Steps of the first round, or as many as show each image so often; of these a multiple, so that each round,
# longer than the one before, has as many looks at the held-out images, evenly apart.
STEPS, SHOWN, LOOKS, GROWTH, MULTIPLE = 400, 2, 10, 1.5, 80
# Another round is made while the last one lowered the loss by this share.
PROGRESS, MOST_ROUNDS = 0.03, 3
# Pixels times fits that two cores learn from in ten minutes.
MOST_PIXELS, MOST_FITS = 150_000, 3
# The preset "best" tries further recipes for a round each: these pixels times trials.
TRIAL_PIXELS, LEAST_TRIALS, MOST_TRIALS = 200_000, 2, 20
SPACE: dict[str, Span | tuple[Any, ...]] = {
    "size": ("small", "medium"),
    "dropout": Span(0.0, 0.5),
    "learning_rate": Span(1e-3, 6e-3, logarithmic=True),
    "weight_decay": Span(0.01, 0.3, logarithmic=True),
}
# The running mean of the weights reaches back so many steps, and is brought up to date after so many.
REACH, EVERY = 40, 4
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
        recipe: How it was built.
    """

    maps: keras.Model
    head: keras.Model
    whole: keras.Model
    name: str
    recipe: Recipe

    def score(self, columns: dict[str, tf.Tensor]) -> tf.Tensor:
        """Transformed columns -> `(batch, outputs)` probabilities."""
        return probabilities(self.whole(columns[IMAGE], training=False))

    def facts(self, course: Course) -> dict[str, Any]:
        """What to tell of a training that went this way."""
        return {"algorithm": self.name, "parameters": int(self.whole.count_params()), **course.facts}


@dataclass(frozen=True)
class Recipe:
    """How a network is built and learns.

    Attributes:
        size: How large it is.
        changes: How images are changed.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
    """

    size: NetworkSize
    changes: Changes = CHANGES[0]
    learning_rate: float = LEARNING_RATE
    weight_decay: float = WEIGHT_DECAY

    def with_settings(self, settings: dict[str, Any]) -> Recipe:
        """This recipe with the settings of a trial, see `SPACE`."""
        size = replace(SIZES[settings["size"]], dropout=settings["dropout"])
        rates = {name: settings[name] for name in ("learning_rate", "weight_decay")}
        return replace(self, size=size, **rates)

    @property
    def settings(self) -> dict[str, Any]:
        """What tells it from others."""
        return {"changes": self.changes.name}


@dataclass(frozen=True)
class Lessons:
    """How long a network learns.

    Attributes:
        steps: Of a round.
        rounds: At most.
        seed: Of the shuffling.
    """

    steps: int
    rounds: int
    seed: int

    @property
    def lengths(self) -> list[int]:
        """Steps of each round."""
        return [round(self.steps * GROWTH**number) for number in range(self.rounds)]


@dataclass(frozen=True)
class Course:
    """How a training went.

    Attributes:
        losses: Of the held-out images, the running mean's, at each look.
        steps: In all.
        exhausted: Whether the last round that was allowed still lowered the loss.
    """

    losses: list[float]
    steps: int
    exhausted: bool

    @property
    def loss(self) -> float:
        """The least."""
        return min(self.losses)

    @property
    def facts(self) -> dict[str, Any]:
        """What to tell of it."""
        return {"steps": self.steps, **({"exhausted": True} if self.exhausted else {})}


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train a network, or for each of some folds one that does not see it; their mean is the model.

    Args:
        train: Images to fit.
        validation: Images that choose how images may be changed, and end the training.
        spec: What the columns are.
        training: Seed, preset, size and, if wished, a pre-trained backbone.
    """
    keras.utils.set_random_seed(training.seed)
    tf.config.experimental.enable_op_determinism()
    rows = train.joined(validation)
    folds = fold_codes(rows, training, len(rows) * fits_for(len(rows), spec, training))
    lessons = lessons_for(len(train), training)
    count, further = int(folds.max()) + 1, searched(len(train), spec, training)
    usual = Recipe(SIZES[training.size], CHANGES[0])
    compete = [replace(usual, changes=changes) for changes in CHANGES] if may_try(training) else [usual]
    most = sum(lessons.lengths) * count + lessons.steps * (len(compete) - 1 + further)
    task = Task(rows, spec, training, lessons, Progress(most))
    recipe, learner, trials = task.best_recipe(folds == 0, compete, further)
    fits = [learner.finished()]
    for fold in range(1, count):
        fits.append(task.learner(folds == fold, recipe).finished())
    held_out = np.full((len(rows), spec.task.outputs), np.nan)
    for fold, (network, _) in enumerate(fits):
        held_out[folds == fold] = scores_in_batches(network.score, rows.take(folds == fold), BATCH_SCORED)
    network = joined([network for network, _ in fits])
    courses = [course for _, course in fits]
    facts = {**network.facts(courses[0]), "changes": recipe.changes.name}
    if len(fits) > 1:
        facts |= {"fits": len(fits), "steps": sum(course.steps for course in courses)}
        facts |= {"exhausted": True} if any(course.exhausted for course in courses) else {}
    if len(trials) > 1:
        facts["trials"] = [trial.facts for trial in trials]
    train_scores, scores = parted(held_out, len(train))
    save_parts = functools.partial(save, network, train, spec, training)
    return TrainedModel(network.score, scores, save_parts, EXPLAINER, facts, [network.whole], train_scores)


def fits_for(rows: int, spec: TableSpec, training: Training) -> int:
    """How many networks time allows for, by the images' size and number and not by the clock."""
    # The features of a backbone are the same in all.
    if training.backbone or training.epochs:
        return 1
    return int(np.clip(training.leisure * MOST_PIXELS / _work(rows, spec, training), 1, MOST_FITS))


def lessons_for(rows: int, training: Training) -> Lessons:
    """How long to learn from so many images."""
    if training.epochs:
        return Lessons(max(training.epochs * rows // BATCH, 1), 1, training.seed)
    steps = max(STEPS, -(-SHOWN * rows // BATCH // MULTIPLE) * MULTIPLE)
    return Lessons(steps, MOST_ROUNDS if training.by_folds else 1, training.seed)


def may_try(training: Training) -> bool:
    """Whether several recipes compete."""
    return training.by_folds and not training.epochs


def searched(rows: int, spec: TableSpec, training: Training) -> int:
    """How many recipes more the preset "best" tries, by the images' size and number."""
    if training.preset != "best" or not may_try(training) or training.backbone:
        return 0
    often = training.leisure * TRIAL_PIXELS / _work(rows, spec, training)
    return int(np.clip(often, LEAST_TRIALS, MOST_TRIALS))


def _work(rows: int, spec: TableSpec, training: Training) -> float:
    """Of a fit, in pixels of an image that some hundred images have."""
    height, width, _ = spec.only(IMAGE).shape
    return float(height * width * lessons_for(rows, training).steps / STEPS)


@dataclass(frozen=True)
class Task:
    """What the fits of a bag have in common.

    Attributes:
        rows: Of the training side.
        spec: What the columns are.
        training: As declared.
        lessons: How long they learn.
        progress: Told of each step.
    """

    rows: TransformedSplit
    spec: TableSpec
    training: Training
    lessons: Lessons
    progress: Progress

    def learner(self, held_out: np.ndarray, recipe: Recipe) -> Learner:
        """A network that does not learn from some rows and is judged by them.

        Args:
            held_out: `(rows,)` a mask.
            recipe: How it is built and learns.
        """
        train = self.rows.take(~held_out)
        largest = largest_value(self.spec.only(IMAGE))

        def change(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return augment(images, largest, recipe.changes), labels

        learner = Learner(
            build(self.spec, self.training, recipe),
            train,
            self.rows.take(held_out),
            change,
            self.lessons,
            self.spec.task.head(train.label),
            self.progress,
        )
        learner.weights = class_weights(train.label)
        return learner

    def best_recipe(
        self, held_out: np.ndarray, compete: list[Recipe], further: int
    ) -> tuple[Recipe, Learner, list[Trial]]:
        """The recipe under which a round has the least loss of held-out rows, its learner, and all trials.

        Args:
            held_out: `(rows,)` a mask.
            compete: The first candidates.
            further: How many more are looked for from the best of these.
        """
        best: tuple[Recipe, Learner] | None = None

        def judge(recipe: Recipe) -> float:
            nonlocal best
            learner = self.learner(held_out, recipe)
            learner.round()
            if best is None or learner.keeper.least < best[1].keeper.least:
                best = recipe, learner
            return learner.keeper.least

        trials = [Trial(recipe.settings, judge(recipe)) for recipe in compete]
        assert best is not None
        usual = best[0]
        if further:
            seed = self.training.seed
            trials += search(SPACE, lambda found: judge(usual.with_settings(found)), further, seed)
        return *best, trials


class Learner:
    """A network, round after round.

    Args:
        network: What learns.
        train: Images to fit.
        held_out: Images that choose the weights.
        change: Augmentation.
        lessons: How long.
        head: What the loss of held-out images is.
        progress: Told of each step.

    Attributes:
        network: What learns.
        weights: Of the classes, if they differ.
        keeper: Of the best weights.
    """

    def __init__(
        self,
        network: Network,
        train: TransformedSplit,
        held_out: TransformedSplit,
        change: Change,
        lessons: Lessons,
        head: Head,
        progress: Progress,
    ) -> None:
        self.network = network
        self.weights: dict[int, float] | None = None
        self._left = lessons.lengths
        schedule = keras.optimizers.schedules.CosineDecayRestarts(
            network.recipe.learning_rate, lessons.steps, t_mul=GROWTH, alpha=1e-3
        )
        loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if network.whole.output.shape[-1] == 1:
            loss = keras.losses.BinaryCrossentropy(from_logits=True)
        # XLA's convolutions are slower than oneDNN's here.
        network.whole.compile(
            keras.optimizers.AdamW(schedule, weight_decay=network.recipe.weight_decay),
            loss,
            jit_compile=False,
        )
        self._batches = batches(train, min(BATCH, len(train)), change, lessons.seed)
        self._progress = progress
        self.keeper = RunningMean(network, held_out, head, progress)

    def round(self) -> None:
        """Learn for a round of steps."""
        steps = self._left.pop(0)
        looks = min(LOOKS, steps)
        self.network.whole.fit(
            self._batches,
            epochs=looks,
            steps_per_epoch=steps // looks,
            verbose=0,
            class_weight=self.weights,
            callbacks=[self.keeper],
        )

    def finished(self) -> tuple[Network, Course]:
        """The network with its best weights, after as many rounds as it goes on learning."""
        keeper = self.keeper
        if not keeper.losses:
            self.round()
        first, before = True, np.inf
        while self._left and keeper.least < before * (1.0 - PROGRESS):
            before, first = keeper.least, False
            self.round()
        self._progress.skip(sum(self._left))
        exhausted = not first and not self._left and keeper.least < before * (1.0 - PROGRESS)
        keeper.put_best()
        return self.network, Course(keeper.losses, keeper.steps, exhausted)


class RunningMean(keras.callbacks.Callback):
    """Look at held-out images with the running mean of the weights, and keep those with the least loss.

    Args:
        network: What learns.
        held_out: Images that are not learned from.
        head: What their loss is.
        progress: Told of each step.

    Attributes:
        steps: That were made.
        losses: At each look.
        least: Of these.
    """

    def __init__(self, network: Network, held_out: TransformedSplit, head: Head, progress: Progress) -> None:
        super().__init__()
        self._held_out, self._head, self._progress = held_out, head, progress
        self._own = list(network.whole.variables)
        self._means = [tf.Variable(own.value) for own in self._own]
        self._best: list[np.ndarray] = []
        self.steps = 0
        self.losses: list[float] = []
        self.least = np.inf

        @tf.function
        def follow(share: tf.Tensor) -> None:
            for mean, own in zip(self._means, self._own, strict=True):
                if mean.dtype.is_floating:
                    mean.assign_add(share * (own.value - mean))

        self._follow = follow
        self._score = tf.function(network.score, reduce_retracing=True)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Bring the mean up to date."""
        del batch, logs
        self.steps += 1
        self._progress.step()
        if self.steps % EVERY == 0:
            self._follow(tf.constant(max(EVERY / REACH, EVERY / self.steps), tf.float32))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the held-out images."""
        del epoch, logs
        learning = [own.numpy() for own in self._own]
        self._put([mean.numpy() for mean in self._means])
        answers = np.concatenate(
            [self._score(batch).numpy() for batch in self._held_out.batches(BATCH_SCORED)]
        )
        loss = float(np.mean(self._head.loss(self._held_out.label.astype(np.float32), answers)))
        self.losses.append(loss)
        if loss < self.least:
            self.least, self._best = loss, [mean.numpy() for mean in self._means]
        self._put(learning)

    def put_best(self) -> None:
        """Give the network the best weights."""
        self._put(self._best)

    def _put(self, values: list[np.ndarray]) -> None:
        for own, value in zip(self._own, values, strict=False):
            own.assign(value)


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


def build(spec: TableSpec, training: Training, recipe: Recipe | None = None, peaks: bool = False) -> Network:
    """A network for a specification's images and classes.

    Args:
        spec: What images and classes are.
        training: Names the size and, if wished, a pre-trained backbone.
        recipe: If another than usual for that size.
        peaks: See `build_head`.
    """
    feature, recipe = spec.only(IMAGE), recipe or Recipe(SIZES[training.size])
    size, largest = recipe.size, largest_value(feature)
    widths = () if training.backbone else widths_for(feature.shape, size)
    if training.backbone:
        maps = pretrained_maps(training, feature.shape, largest)
    else:
        maps = build_stem(feature.shape, largest, size)
    head = build_head(maps.output.shape[1:], spec.task.outputs, widths, size, peaks)
    return assembled(maps, head, training.backbone or "Residual network", recipe)


def joined(networks: list[Network]) -> Network:
    """Networks as one, whose logits are the mean of theirs."""
    if len(networks) == 1:
        return networks[0]
    maps, head = side_by_side([item.maps for item in networks], [item.head for item in networks])
    return assembled(maps, head, networks[0].name, networks[0].recipe)


def assembled(maps: keras.Model, head: keras.Model, name: str, recipe: Recipe) -> Network:
    """A network of its parts.

    Args:
        maps: Pixels -> maps.
        head: Maps -> logits.
        name: What to call it.
        recipe: How it was built.
    """
    return Network(maps, head, keras.Model(maps.input, head(maps.output)), name, recipe)


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


def class_weights(labels: np.ndarray) -> dict[int, float]:
    """Weights under which the root of a class's size counts, so that rare ones are heard."""
    counts = np.bincount(labels)
    weights = np.minimum(np.sqrt(counts.max() / np.maximum(counts, 1)), LARGEST_WEIGHT)
    weights /= (weights * counts).sum() / counts.sum()
    return {position: float(weight) for position, weight in enumerate(weights)}


def probabilities(logits: tf.Tensor) -> tf.Tensor:
    """`(batch, outputs)` logits as probabilities."""
    return tf.sigmoid(logits) if logits.shape[-1] == 1 else tf.nn.softmax(logits)
