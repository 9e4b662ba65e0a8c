"""The deep model for images: residual networks from scratch, or on pre-trained features; seeded.

Whether images may be mirrored without changing their label is asked of held-out images: recipes compete for a
short round. With the preset "standard" there is a network for each of some folds, which it does not see, as
many as there is time for, and all of them side by side are the model; the preset "best" looks for further
recipes before. Further labels are told by the same network, of which each has outputs of its own.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from functools import cached_property
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
from solutionkit.models.devices import on_all_devices
from solutionkit.models.explanation_files import save_background
from solutionkit.models.folds import fold_codes, parted
from solutionkit.models.heads import Head
from solutionkit.models.image_background import background_images
from solutionkit.models.image_learning import (
    LEARNING_RATE,
    WEIGHT_DECAY,
    Learner,
    Lessons,
    Network,
    Pupil,
    lessons_for,
    room_for,
    scores_in_batches,
)
from solutionkit.models.joint_head import JointHead
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
from solutionkit.models.tempering import best_temperature
from solutionkit.models.trained import TrainedModel
from solutionkit.progress import Progress

EXPLAINER = "solutionkit.explain.image_models:NetworkExplainer"
MAPS_FILE, HEAD_FILE = "maps.keras", "head.keras"
# What all labels' answers have in common while they are told together.
TOGETHER = "answers_of_all_labels"
MOST_FITS, LEAST_TRIALS, MOST_TRIALS = 3, 2, 20
# By what share another recipe must have a smaller loss than the usual one: what changes images less, or is
# restrained less, is learned faster at first.
CLEARLY = 0.1
SPACE: dict[str, Span | tuple[Any, ...]] = {
    "dropout": Span(0.0, 0.5),
    "learning_rate": Span(1e-3, 6e-3, logarithmic=True),
    "weight_decay": Span(0.01, 0.3, logarithmic=True),
    "wider": (1.0, 1.5),
}


# Of what weights of classes add to logits, how much may be taken off: more than all where a network is too
# sure.
PARTS_OF_WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0)


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
        wider = settings["wider"]
        widths = tuple(round(width * wider) for width in self.size.widths)
        stem = round(self.size.stem * wider)
        return replace(
            self,
            size=replace(self.size, stem=stem, widths=widths, dropout=settings["dropout"]),
            learning_rate=settings["learning_rate"],
            weight_decay=settings["weight_decay"],
        )


@on_all_devices
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
    tf.config.experimental.enable_op_determinism()
    bag = Bag.of(train, validation, spec, training)
    recipe, learner, trials = bag.best_recipe()
    fits, steps = [], 0
    head = JointHead.of(spec, bag.rows.labels)
    held_out = np.full((len(bag.rows), head.outputs), np.nan)
    for fold in range(bag.fits):
        learner = bag.learner(fold, recipe) if fold else learner
        rows = bag.folds == fold
        fits.append(calibrated(learner.finished(), bag.rows, ~rows, spec))
        steps += learner.mean.steps
        held_out[rows] = scores_in_batches(fits[-1].score, bag.rows.take(rows))
    network = joined(fits)
    facts = {**network.facts, "steps": steps, "changes": recipe.changes.name}
    if len(fits) > 1:
        facts["fits"] = len(fits)
    if trials:
        facts["trials"] = [trial.facts for trial in trials]
    save_parts = functools.partial(save, network, train, spec, training)

    def together(columns: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {**columns, TOGETHER: network.score(columns)}

    def of_label(number: int) -> TrainedModel:
        """What the network says of one label, on the rows that have it."""
        place = head.places[number]

        def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
            told = columns if TOGETHER in columns else together(columns)
            return told[TOGETHER][:, place]

        first, second = (part.labels[:, number] >= 0 for part in (train, validation))
        train_scores, scores = parted(held_out[:, place], len(train))
        train_scores = None if train_scores is None else train_scores[first]
        return TrainedModel(
            score, scores[second], save_parts, EXPLAINER, facts, [network.whole], train_scores
        )

    if not spec.further:
        return of_label(0)
    further = {task.label: of_label(number) for number, task in enumerate(spec.further, start=1)}
    return replace(of_label(0), together=together, further=further)


@dataclass(frozen=True)
class Bag:
    """What its fits have in common.

    Attributes:
        rows: Of the training side.
        folds: `(rows,)` which fit a row is held out from; -1 for those that none is.
        spec: What the columns are.
        training: As declared.
        lessons: How long fits learn.
        changes: Ways to change images that compete, the usual one first.
        further: Recipes that are looked for beside.
        progress: Told of each step.
    """

    rows: TransformedSplit
    folds: np.ndarray
    spec: TableSpec
    training: Training
    lessons: Lessons
    changes: tuple[Changes, ...]
    further: int
    progress: Progress

    @classmethod
    def of(
        cls, train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
    ) -> Bag:
        """As large as time allows, by the images' size and number and not by the clock.

        Args:
            train: Images to fit.
            validation: Images that are held out from the first fit.
            spec: What the columns are.
            training: As declared.
        """
        shape = spec.only(IMAGE).shape
        # Of a fixed length there is one, and the features of a backbone are the same in all.
        alone = bool(training.epochs or training.backbone)
        changes = CHANGES if training.by_folds and not training.epochs else CHANGES[:1]
        lessons = lessons_for(len(train), shape, training, len(changes))
        room, further = room_for(shape, training), 0
        if training.preset == "best" and not alone:
            further = int(np.clip(room / lessons.trial, LEAST_TRIALS, MOST_TRIALS))
        left = room - len(changes) * lessons.trial
        fits = 1 if alone else int(np.clip(round(left / lessons.steps), 1, MOST_FITS))
        rows = train.joined(validation)
        folds = fold_codes(rows, training, len(rows) * fits)
        most = lessons.steps * (folds.max() + 1) + lessons.trial * (len(changes) + further)
        return cls(rows, folds, spec, training, lessons, changes, further, Progress(most))

    @property
    def fits(self) -> int:
        """How many."""
        return int(self.folds.max()) + 1

    @cached_property
    def tensors(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Pixels and labels, once for all fits."""
        return tf.constant(self.rows.of(IMAGE)), tf.constant(self.rows.labels)

    def learner(self, fold: int, recipe: Recipe) -> Learner:
        """A network that does not learn from a fold and is judged by it.

        Args:
            fold: Which one.
            recipe: How it is built and learns.
        """
        seed = self.training.seed + fold
        keras.utils.set_random_seed(seed)
        held_out = self.folds == fold
        white, labels = float(self.spec.only(IMAGE).white), self.rows.labels[~held_out]
        head = JointHead.of(self.spec, labels)

        def change(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return augment(images, white, recipe.changes), labels

        pupil = Pupil(
            network=build(self.spec, self.training, recipe),
            images=self.tensors[0],
            labels=self.tensors[1],
            learned=np.flatnonzero(~held_out),
            held_out=self.rows.take(held_out),
            head=head,
            change=change,
            weights=head.weights(labels),
        )
        lessons = replace(
            self.lessons,
            seed=seed,
            learning_rate=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
        )
        return Learner(pupil, lessons, self.progress)

    def best_recipe(self) -> tuple[Recipe, Learner, list[Trial]]:
        """The usual recipe, or one with a clearly smaller loss of the first fold; its learner, all trials."""
        usual = Recipe(SIZES[self.training.size])
        if not self.lessons.trial:
            return usual, self.learner(0, usual), []
        kept: tuple[float, Recipe, Learner] | None = None
        limit = np.inf

        def judge(recipe: Recipe) -> float:
            nonlocal kept, limit
            learner = self.learner(0, recipe)
            loss = learner.trial()
            if kept is None:
                kept, limit = (loss, recipe, learner), (1.0 - CLEARLY) * loss
            elif loss < min(limit, kept[0]):
                kept = loss, recipe, learner
            return loss

        recipes = [replace(usual, changes=changes) for changes in self.changes]
        trials = [Trial({"changes": recipe.changes.name}, judge(recipe)) for recipe in recipes]
        assert kept is not None
        first = kept[1]
        seed = self.training.seed
        if self.further:
            trials += search(SPACE, lambda found: judge(first.with_settings(found)), self.further, seed)
        return kept[1], kept[2], trials


def calibrated(network: Network, rows: TransformedSplit, learned: np.ndarray, spec: TableSpec) -> Network:
    """A network that learned with weights of classes, as one whose probabilities are such, in its last layer.

    Logits are tempered, and of what the weights add to a class's logit so much is taken off as makes the loss
    of held-out images least: where classes are told apart without doubt, weights have added nothing.

    Args:
        network: What learned.
        rows: All images.
        learned: `(rows,)` which it learned from; the others were held out.
        spec: What is predicted.
    """
    joint, held_out = JointHead.of(spec, rows.labels[learned]), rows.take(~learned)
    answers = scores_in_batches(network.score, held_out)
    layer = network.head.layers[-1]
    kernel, bias = layer.get_weights()
    weights = joint.weights(rows.labels[learned])
    for head, place, of_classes, labels in zip(
        joint.heads, joint.places, weights, held_out.labels.T, strict=True
    ):
        known = labels >= 0
        added = np.log(of_classes)
        shift = added[1:] - added[0] if head.outputs == 1 else added
        # Of a class that none of them has they say nothing: what the weights added is taken off as it is.
        taken_off, temperature = shift, 1.0
        if len(np.unique(labels[known])) == len(of_classes):
            taken_off, temperature = least_loss(head, labels[known], answers[known, place], shift)
        kernel[:, place] /= temperature
        bias[place] = (bias[place] - taken_off) / temperature
    layer.set_weights([kernel, bias])
    return network


def least_loss(
    head: Head, labels: np.ndarray, answers: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, float]:
    """What is taken off one label's logits, and what they are divided by then, for the least loss.

    Args:
        head: The label's.
        labels: `(rows,)` class ids of held-out images.
        answers: `(rows, outputs)` probabilities.
        shift: `(outputs,)` what weights of classes add to logits, of which parts are tried.
    """
    raw, target = np.asarray(head.raw(answers)), labels.astype(np.float32)
    tried = []
    for part in PARTS_OF_WEIGHTS:
        moved = raw - np.float32(part) * shift.astype(np.float32)
        temperature = best_temperature(head, labels, moved[:, None])
        loss = np.mean(head.loss(target, head.answers(moved / np.float32(temperature))))
        tried.append((float(loss), part, temperature))
    _, part, temperature = min(tried)
    return part * shift, temperature


def build(spec: TableSpec, training: Training, recipe: Recipe | None = None, peaks: bool = False) -> Network:
    """A network for a specification's images and classes.

    Args:
        spec: What images and classes are.
        training: Names the size and, if wished, a pre-trained backbone.
        recipe: If another than usual for that size.
        peaks: See `build_head`.
    """
    feature, size = spec.only(IMAGE), recipe.size if recipe else SIZES[training.size]
    widths = () if training.backbone else widths_for(feature.shape, size)
    if training.backbone:
        maps = pretrained_maps(training, feature.shape, float(feature.white))
    else:
        maps = build_stem(feature.shape, float(feature.white), size)
    joint = JointHead.of(spec, np.zeros((0, 1 + len(spec.further)), np.int64))
    head = build_head(maps.output.shape[1:], joint.outputs, widths, size, peaks)
    whole = keras.Model(maps.input, head(maps.output))
    return Network(maps, head, whole, training.backbone or "Residual network", joint.answers)


def joined(networks: list[Network]) -> Network:
    """Networks as one, whose logits are the mean of theirs."""
    if len(networks) == 1:
        return networks[0]
    maps, head = side_by_side([item.maps for item in networks], [item.head for item in networks])
    return replace(networks[0], maps=maps, head=head, whole=keras.Model(maps.input, head(maps.output)))


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
    # The label that decides is explained; its outputs come first.
    head = network.head
    if spec.further:
        head = keras.Model(head.input, head.output[:, : spec.task.outputs])
    head.save(folder / HEAD_FILE)
    save_background(folder, background_images(train, spec, training.seed))
