"""The tabular deep model: TabM trained with AdamW and early stopping, seeded.

No row is dropped or drawn twice; what is rare weighs more in the loss (`heads`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import CATEGORICAL, NUMERIC, SEQUENCE
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.bagged_networks import BestFits, bag_loss
from solutionkit.models.devices import on_all_devices
from solutionkit.models.epochs import epoch_facts
from solutionkit.models.explanation_files import save_drawn_rows
from solutionkit.models.folds import fold_codes, parted
from solutionkit.models.heads import Head
from solutionkit.models.search import Span, Trial, search
from solutionkit.models.sequence_encoder import build_sequence_encoder, step_moments
from solutionkit.models.tabm import SIZES, TabMSize, build_embedding, build_head, quantile_edges
from solutionkit.models.tempering import ensemble_answers
from solutionkit.models.trained import TrainedModel
from solutionkit.progress import Progress

EXPLAINER = "solutionkit.explain.table_network:TableNetwork"
EMBEDDING_FILE, HEAD_FILE = "embedding.keras", "head.keras"
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 3e-4
PATIENCE, MOST_EPOCHS = 6, 200
# Of all fits together in an epoch, so that the most epochs take about eight minutes on two cores.
MOST_ROWS = {"small": 80_000, "medium": 30_000, "large": 8_000}
# A wide network that learns until its rate has fallen to nothing tells far more where labels follow from
# columns with little noise, and less elsewhere: it is tried on one fold, where so many fits of it can be
# made, and must leave this share of the usual one's loss.
WIDE_ROWS, WIDE_EPOCHS, WIDE_PATIENCE, FEWEST_WIDE, CLEARLY = 40_000, 100, 25, 3, 0.9
# The preset "best" tries settings by the loss of so many folds, as often as time allows: the fewer rows, the
# oftener.
COMPETE, TRIALS, LEAST_TRIALS, MOST_TRIALS = 2, 1.5, 4, 30
SPACE: dict[str, Span | tuple[Any, ...]] = {
    "units": (32, 64, 96, 128),
    "blocks": (1, 2, 3),
    "embedding": (4, 8, 16),
    "dropout": Span(0.0, 0.4),
    "learning_rate": Span(5e-4, 5e-3, logarithmic=True),
    "weight_decay": Span(1e-5, 1e-1, logarithmic=True),
}
SMALLEST_BATCH, LARGEST_BATCH, STEPS_PER_EPOCH = 256, 4096, 48


@dataclass(frozen=True)
class Recipe:
    """How a network is built and learns.

    Attributes:
        size: How large it is.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        epochs: The most.
        patience: Epochs without a smaller loss that end the training.
        falling: Whether the learning rate falls to nothing by half a cosine.
    """

    size: TabMSize
    learning_rate: float = LEARNING_RATE
    weight_decay: float = WEIGHT_DECAY
    epochs: int = MOST_EPOCHS
    patience: int = PATIENCE
    falling: bool = False

    def with_settings(self, settings: dict[str, Any]) -> Recipe:
        """This recipe with the settings of a trial, see `SPACE`."""
        own = {name: value for name, value in settings.items() if hasattr(self, name)}
        others = {name: value for name, value in settings.items() if name not in own}
        return replace(self, **own, size=replace(self.size, **others))


WIDE = Recipe(
    TabMSize(members=2, blocks=3, units=256, embedding=16, bins=32, dropout=0.15),
    learning_rate=4e-3,
    weight_decay=1e-2,
    epochs=WIDE_EPOCHS,
    patience=WIDE_PATIENCE,
    falling=True,
)


@on_all_devices
def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the network; the weights of the epoch with the least validation loss are kept.

    Args:
        train: Rows to fit.
        validation: Rows that end the training.
        spec: What the columns are.
        training: Seed, preset, most epochs and size.
    """
    tf.config.experimental.enable_op_determinism()
    bag = Bag.of(train, validation, spec, training)
    recipe, folds, trials = bag.recipe()
    fitted = bag.fit(recipe, folds)
    fits = int(folds.max()) + 1

    def score(columns: dict[str, Any]) -> tf.Tensor:
        return ensemble_answers(fitted.head, fitted.network(columns, training=False))

    def save_for_explanation(folder: Path) -> None:
        fitted.embedding.save(folder / EMBEDDING_FILE)
        fitted.members.save(folder / HEAD_FILE)
        save_drawn_rows(folder, train, training.seed)

    facts = {
        "algorithm": "TabM",
        "parameters": int(fitted.network.count_params()),
        "members": recipe.size.members,
        **epoch_facts(fitted.keeper.losses, None if recipe.falling else recipe.epochs),
        "temperature": round(fitted.temperature, 3),
        **fitted.head.facts,
        **({"fits": fits} if fits > 1 else {}),
        **({"trials": [trial.facts for trial in trials]} if trials else {}),
    }
    for feature in spec.of(SEQUENCE):
        facts["sequence"] = f"{feature.shape[0]} steps by convolutions"
    train_scores, scores = parted(fitted.keeper.held_out(), len(train))
    return TrainedModel(score, scores, save_for_explanation, EXPLAINER, facts, [fitted.network], train_scores)


@dataclass(frozen=True)
class Fitted:
    """A trained network and its parts.

    Attributes:
        embedding: Columns -> embeddings.
        members: Embeddings -> raw values.
        network: Both.
        head: How raw values are read.
        keeper: Of the best weights and of answers of rows that were held out.
        temperature: What logits were divided by, so that held-out rows happen as often as is said.
    """

    embedding: keras.Model
    members: keras.Model
    network: keras.Model
    head: Head
    keeper: BestFits
    temperature: float


@dataclass(frozen=True)
class Bag:
    """What is learned.

    Attributes:
        rows: Of the training side, those that train first.
        train: How many train.
        folds: `(rows,)` which fold a row is of; -1 for those that all fits may see.
        spec: What the columns are.
        training: As declared.
        trials: Recipes that are looked for beside the usual one.
        wide: `(rows,)` folds of a wide network, where it is tried.
        progress: Told of each epoch.
    """

    rows: TransformedSplit
    train: int
    folds: np.ndarray
    spec: TableSpec
    training: Training
    trials: int
    wide: np.ndarray | None
    progress: Progress

    @classmethod
    def of(
        cls, train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
    ) -> Bag:
        """As large as time allows.

        Args:
            train: Rows to fit.
            validation: Rows that are held out from the first fit.
            spec: What the columns are.
            training: As declared.
        """
        rows = train.joined(validation)
        most = training.leisure * MOST_ROWS[training.size]
        often = most * TRIALS / len(rows)
        trials = int(np.clip(often, LEAST_TRIALS, MOST_TRIALS)) if training.preset == "best" else 0
        folds, wide = (
            fold_codes(rows, training, most),
            fold_codes(rows, training, training.leisure * WIDE_ROWS),
        )
        # Who states how long or how large has decided.
        stated = training.epochs or training.size != "small" or training.preset == "best"
        compete = not stated and int(wide.max()) + 1 >= FEWEST_WIDE
        epochs = training.epochs or MOST_EPOCHS
        before = (trials + 1) * epochs if trials else compete * (epochs + WIDE.epochs)
        progress = Progress(epochs + before)
        return cls(rows, len(train), folds, spec, training, trials, wide if compete else None, progress)

    def recipe(self) -> tuple[Recipe, np.ndarray, list[Trial]]:
        """How to learn, the folds of the fits, and what was tried for that."""
        usual = Recipe(SIZES[self.training.size], epochs=self.training.epochs or MOST_EPOCHS)
        if self.training.preset == "best":
            found, trials = self.best_recipe(usual)
            return found, self.folds, trials
        if self.wide is None:
            return usual, self.folds, []
        first = np.where(self.folds == 0, 0, -1)
        trials = []
        for recipe in (usual, WIDE):
            trials.append(Trial(_told(recipe), self.fit(recipe, first).keeper.loss))
            keras.backend.clear_session()
        if trials[1].loss < CLEARLY * trials[0].loss:
            self.progress.skip(usual.epochs - WIDE.epochs)
            return WIDE, self.wide, trials
        return usual, self.folds, trials

    def fit(self, recipe: Recipe, folds: np.ndarray) -> Fitted:
        """Networks side by side, one a fold that it does not see.

        Args:
            recipe: How they are built and learn.
            folds: `(rows,)` which fold a row is of; -1 for those that all may see.
        """
        keras.utils.set_random_seed(self.training.seed)
        size, fits, train = recipe.size, int(folds.max()) + 1, self.rows.take(np.arange(self.train))
        edges = [quantile_edges(column, size.bins).tolist() for column in train.of(NUMERIC).T]
        encoders = []
        for feature in self.spec.of(SEQUENCE):
            moments = step_moments(train.of(SEQUENCE))
            encoders = [
                build_sequence_encoder(*moments, feature.shape[0], size.embedding, f"sequence_encoder_{fit}")
                for fit in range(fits)
            ]
        cardinalities = [feature.cardinality for feature in self.spec.of(CATEGORICAL)]
        embedding = build_embedding(edges, cardinalities, size, encoders, fits)
        head = self.spec.task.head(train.label)
        members = head.finished(build_head(embedding.output_shape[1], head.outputs, size, fits))
        network = keras.Model(embedding.input, members(embedding.output))
        # Of one fit nothing is learned from rows that it is stopped by.
        learned = self.rows if fits > 1 else self.rows.take(folds < 0)
        steps = -(-len(learned) // batch_size(len(learned))) * recipe.epochs
        rate: Any = recipe.learning_rate
        if recipe.falling:
            rate = keras.optimizers.schedules.CosineDecay(rate, steps)
        network.compile(
            optimizer=keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
            loss=bag_loss(head, fits),
            # XLA takes longer to compile this network than to train it, and its steps are no faster on CPUs.
            jit_compile=False,
        )
        fold = folds if fits > 1 else folds[folds < 0]
        # Keras would drop the last axis of raw values, were the targets of one rank less.
        targets = np.stack([learned.label, fold], axis=1).astype(np.float32)[:, :, None]
        keeper = BestFits(
            network, self.rows, folds, head, encoders, recipe.patience, recipe.falling, self.progress
        )
        history = network.fit(
            learned.inputs,
            targets,
            batch_size=batch_size(len(learned)),
            epochs=recipe.epochs,
            verbose=0,
            callbacks=[keeper],
        )
        self.progress.skip(recipe.epochs - len(history.epoch))
        temperature = keeper.temper(members)
        return Fitted(embedding, members, network, head, keeper, temperature)

    def best_recipe(self, usual: Recipe) -> tuple[Recipe, list[Trial]]:
        """The recipe under which rows of some folds have the least loss, and all that were tried."""
        folds = np.where(self.folds < COMPETE, self.folds, -1)

        def judge(settings: dict[str, Any]) -> float:
            keeper = self.fit(usual.with_settings(settings), folds).keeper
            keras.backend.clear_session()
            return min(keeper.losses)

        first = {name: getattr(usual, name, getattr(usual.size, name, None)) for name in SPACE}
        trials = [Trial(first, judge(first)), *search(SPACE, judge, self.trials, self.training.seed)]
        # A loss that is no number is not the least.
        best = min(trials, key=lambda trial: np.nan_to_num(trial.loss, nan=np.inf))
        return usual.with_settings(best.settings), trials


def _told(recipe: Recipe) -> dict[str, Any]:
    """A recipe as a trial's settings."""
    return {"units": recipe.size.units, "blocks": recipe.size.blocks, "members": recipe.size.members}


def batch_size(rows: int) -> int:
    """A power of two that makes about `STEPS_PER_EPOCH` steps an epoch."""
    wanted = 2 ** round(np.log2(max(rows / STEPS_PER_EPOCH, 1)))
    return int(np.clip(wanted, SMALLEST_BATCH, LARGEST_BATCH))
