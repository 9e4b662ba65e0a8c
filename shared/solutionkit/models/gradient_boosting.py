"""LightGBM with early stopping and settings chosen on held-out rows, scored by TensorFlow ops.

Few leaves and a small learning rate are what carries on tables of some thousand rows; larger tables earn
larger trees, so some settings compete by the loss of rows that were not fitted. The quick preset holds the
validation rows out. The standard one makes a fit for each fold that does not see it, and the mean of all is
the model (L. Breiman: "Bagging predictors", Machine Learning 24, 1996): steadier, and every row of a
fold has been held out once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import CATEGORICAL, NUMERIC, SEQUENCE
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.booster_text import mean_of, off_the_grid, without_rounding_noise
from solutionkit.models.explanation_files import save_drawn_rows
from solutionkit.models.folds import fold_codes, parted
from solutionkit.models.heads import Head
from solutionkit.models.search import Span, Trial, search
from solutionkit.models.trained import TrainedModel
from solutionkit.models.tree_scores import predictions
from solutionkit.models.trees import LEAVES_PER_WORD, read_forest
from solutionkit.progress import Progress

BOOSTER_FILE = "booster.txt"
EXPLAINER = "solutionkit.explain.trees:TreeExplanation"
MOST_TREES = 2000
# Of all fits together; most of them early stopping ends within two minutes on two cores.
MOST_ROWS = 350_000
# Settings compete by the loss of so many folds.
COMPETE = 2
# The preset "best" tries further settings as often as time allows: the fewer rows, the oftener.
TRIAL_ROWS, USUAL_COLUMNS, LEAST_TRIALS, MOST_TRIALS = 500_000, 30, 4, 60
SPACE: dict[str, Span | tuple[Any, ...]] = {
    "leaves": Span(4, 63, logarithmic=True, whole=True),
    "learning_rate": Span(0.02, 0.15, logarithmic=True),
    "rows_in_leaf": Span(3, 100, logarithmic=True, whole=True),
    "column_share": Span(0.3, 1.0),
    "l2": Span(0.01, 20.0, logarithmic=True),
}
# Bytes of a bag's table.
LARGEST_BAG = 1 << 27
# Below this, threads gain nothing, and on a busy machine they spin and starve each other.
ROWS_FOR_THREADS = 50_000


@dataclass(frozen=True)
class Settings:
    """What suits a kind of feature.

    Attributes:
        leaves: The most of a tree.
        learning_rate: Of each tree.
        rows_in_leaf: The fewest.
        column_share: Columns drawn for each tree.
        bins: The most that a column is cut into, so that a forest over many columns stays small.
        patience: Trees without progress that end the training.
        progress: The least fall of the log loss that counts.
        l2: Penalty on leaf values.
        computed: Whether TensorFlow computes the columns, so that the last bits of a value differ from
            batch to batch.
    """

    leaves: int = 8
    learning_rate: float = 0.03
    rows_in_leaf: int = 40
    column_share: float = 0.6
    bins: int = 255
    patience: int = 60
    progress: float = 0.0
    l2: float = 5.0
    computed: bool = False


SIZES = (8, 31)
# What competes where a bag of fits is made. Each fit is of fewer rows and larger steps: the mean smooths.
BAG = Settings(learning_rate=0.06, bins=127, patience=40)
BAGGED = (
    BAG,
    replace(BAG, leaves=15, rows_in_leaf=20, l2=1.0),
    replace(BAG, leaves=31, rows_in_leaf=10, l2=1.0),
    replace(BAG, leaves=31, rows_in_leaf=20, l2=0.0, column_share=1.0),
)
# Few positives lie in few leaves, which a penalty flattens and drawn columns hide (benchmarks/README.md).
RARE = Settings(column_share=1.0, l2=1.0)


@dataclass(frozen=True)
class Matrix:
    """Rows to fit or to validate on.

    Attributes:
        values: `(rows, columns)` float64, NaN where missing.
        label: `(rows,)` class ids.
        categorical: Positions of columns that hold ids.
    """

    values: np.ndarray
    label: np.ndarray
    categorical: tuple[int, ...] = ()


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the tabular baseline.

    Args:
        train: Rows to fit.
        validation: Rows that choose the size and the number of trees.
        spec: What the columns are.
        training: Its seed.
    """
    head = spec.task.head(train.label)
    rows = train.joined(validation)
    folds = fold_codes(rows, training, training.leisure * MOST_ROWS)
    settings = candidates(head, bag=folds.max() > 0)
    booster, held_out, facts = fit_bag(design(rows), folds, head, settings, training)

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        parts = [tf.cast(columns[name], tf.float64) for name in (NUMERIC, CATEGORICAL) if name in columns]
        if SEQUENCE in columns:
            steps = columns[SEQUENCE]
            parts.append(tf.reshape(tf.cast(steps, tf.float64), [-1, math.prod(steps.shape[1:])]))
        return score_matrix(tf.concat(parts, axis=1))

    score_matrix = scorer(booster)
    train_scores, scores = parted(held_out, len(train))

    def save_for_explanation(folder: Path) -> None:
        booster.save_model(str(folder / BOOSTER_FILE))
        save_drawn_rows(folder, train, training.seed)

    return TrainedModel(score, scores, save_for_explanation, EXPLAINER, facts, train_scores=train_scores)


def candidates(head: Head, bag: bool) -> tuple[Settings, ...]:
    """Settings that compete by the loss of held-out rows.

    Args:
        head: How the task is learned.
        bag: Whether there is a fit a fold.
    """
    if bag:
        rare = replace(BAG, leaves=31, column_share=RARE.column_share, l2=RARE.l2)
        return (*BAGGED, rare) if head.rare else BAGGED
    return tuple(replace(RARE if head.rare else Settings(), leaves=leaves) for leaves in SIZES)


def fit_bag(
    rows: Matrix, folds: np.ndarray, head: Head, settings: tuple[Settings, ...], training: Training
) -> tuple[lightgbm.Booster, np.ndarray, dict[str, Any]]:
    """For each fold a booster that did not see it and stops by its loss, together as one.

    The settings whose held-out rows have the least loss are kept; with the preset "best" more are looked for.

    Args:
        rows: All rows of the training side.
        folds: `(rows,)` which are held out together; rows of -1 never are.
        head: How the task is learned.
        settings: Those that compete; of all the same bins.
        training: Seed and limits, as declared.

    Returns:
        The mean of the boosters' raw sums as one booster; `(rows, outputs)` scores of each row by the booster
        that did not see it, NaN where all did; and what to tell of it.
    """
    computed = settings[0].computed
    clean = replace(rows, values=without_noise(rows)) if computed else rows
    dataset = _dataset(clean, settings[0].bins)
    held = [folds == fold for fold in np.unique(folds[folds >= 0])]
    least, chosen, bag = np.inf, settings[0], []
    further = 0
    if training.preset == "best":
        cost = len(rows.label) * head.outputs * max(rows.values.shape[1] / USUAL_COLUMNS, 1.0)
        often = training.leisure * TRIAL_ROWS / cost
        further = int(np.clip(often, LEAST_TRIALS, MOST_TRIALS))
    progress = Progress((len(settings) + further) * len(held[:COMPETE]) + len(held[COMPETE:]))

    def fit(place: np.ndarray, item: Settings) -> lightgbm.Booster:
        booster = _fit_with_early_stopping(dataset, place, head, item, training)
        progress.step()
        return booster

    def compete(item: Settings) -> float:
        nonlocal least, chosen, bag
        fits = [fit(place, item) for place in held[:COMPETE]]
        losses = [next(iter(booster.best_score["validation"].values())) for booster in fits]
        loss = float(np.average(losses, weights=[place.sum() for place in held[:COMPETE]]))
        if loss < least:
            least, chosen, bag = loss, item, fits
        return loss

    trials = [Trial({name: getattr(item, name) for name in SPACE}, compete(item)) for item in settings]
    if further:
        usual = chosen
        trials += search(SPACE, lambda found: compete(replace(usual, **found)), further, training.seed)
    bag += [fit(place, chosen) for place in held[COMPETE:]]
    boosters = []
    for booster in bag:
        # Without the trees that early stopping cut off.
        model = booster.model_to_string(num_iteration=booster.best_iteration)
        boosters.append(lightgbm.Booster(model_str=off_the_grid(model, clean.values) if computed else model))
    held_out = np.full((len(rows.label), head.outputs), np.nan)
    for place, booster in zip(held, boosters, strict=True):
        held_out[place] = booster.predict(rows.values[place]).reshape(-1, head.outputs)
    boosters = boosters[: most_that_fit(boosters, chosen)]
    whole = mean_of(boosters)
    facts: dict[str, Any] = {"algorithm": "LightGBM", "trees": whole.num_trees(), "leaves": chosen.leaves}
    if len(boosters) > 1:
        facts["fits"] = len(boosters)
    if len(trials) > 1:
        facts["trials"] = [trial.facts for trial in trials]
    if any(booster.num_trees() >= MOST_TREES * head.outputs for booster in boosters):
        facts["trees_allowed"] = MOST_TREES
    return whole, held_out, facts


def most_that_fit(boosters: list[lightgbm.Booster], settings: Settings) -> int:
    """How many boosters of a bag make no larger a table than `LARGEST_BAG` (`trees.Forest`); one at least."""
    cells = boosters[0].num_feature() * (settings.bins + 3)
    words = [booster.num_trees() * -(-settings.leaves // LEAVES_PER_WORD) for booster in boosters]
    return max(int(np.sum(np.cumsum(words) * cells <= LARGEST_BAG)), 1)


def scorer(booster: lightgbm.Booster) -> Callable[[tf.Tensor], tf.Tensor]:
    """A booster as TensorFlow ops: `(batch, columns)` float64 -> `(batch, outputs)` float32."""
    forest = read_forest(booster)
    signature = [tf.TensorSpec([None, booster.num_feature()], tf.float64)]
    # A function of its own, so that a graph with two signatures holds the table once.
    score: Callable[[tf.Tensor], tf.Tensor] = tf.function(
        lambda columns: tf.cast(predictions(forest, columns), tf.float32), signature, autograph=False
    )
    return score


def design(arrays: TransformedSplit) -> Matrix:
    """A table's rows as trees read them."""
    first = arrays.of(NUMERIC).shape[1]
    categorical = tuple(range(first, first + arrays.of(CATEGORICAL).shape[1]))
    return Matrix(design_matrix(arrays), arrays.label, categorical)


def design_matrix(arrays: TransformedSplit) -> np.ndarray:
    """`(rows, columns)` float64: numbers, then category ids, then the steps of a sequence side by side."""
    steps = arrays.of(SEQUENCE)
    steps = steps.reshape(len(arrays), math.prod(steps.shape[1:]))
    return np.concatenate([arrays.of(NUMERIC), arrays.of(CATEGORICAL), steps], axis=1, dtype=np.float64)


def players(arrays: TransformedSplit) -> np.ndarray:
    """`(columns,)` which of `TableSpec.model_columns` each column of the matrix is of: a sequence is one."""
    single = arrays.of(NUMERIC).shape[1] + arrays.of(CATEGORICAL).shape[1]
    steps = int(np.prod(arrays.of(SEQUENCE).shape[1:]))
    return np.concatenate([np.arange(single), np.full(steps, single)])


def without_noise(matrix: Matrix) -> np.ndarray:
    """The values without rounding noise in the numeric columns."""
    values = matrix.values.copy()
    for column in set(range(values.shape[1])) - set(matrix.categorical):
        values[:, column] = without_rounding_noise(values[:, column])
    return values


def _dataset(rows: Matrix, bins: int) -> lightgbm.Dataset:
    """All rows, binned once, so that the trees of all folds split at the same few places."""
    names = [f"column_{position}" for position in range(rows.values.shape[1])]
    return lightgbm.Dataset(
        rows.values,
        rows.label,
        feature_name=names,
        categorical_feature=list(rows.categorical),
        # Which columns have rows enough for a split differs between the settings that compete.
        params={"verbosity": -1, "max_bin": bins, "feature_pre_filter": False},
        free_raw_data=False,
    ).construct()


def _fit_with_early_stopping(
    rows: lightgbm.Dataset, held_out: np.ndarray, head: Head, settings: Settings, training: Training
) -> lightgbm.Booster:
    fitted, stopped_by = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    return lightgbm.train(
        _parameters(training, settings, head, len(fitted)),
        rows.subset(fitted),
        MOST_TREES,
        valid_sets=[rows.subset(stopped_by)],
        valid_names=["validation"],
        callbacks=[lightgbm.early_stopping(settings.patience, verbose=False, min_delta=settings.progress)],
    )


def _parameters(training: Training, settings: Settings, head: Head, rows: int) -> dict[str, Any]:
    return {
        **head.boosting,
        "num_class": head.outputs,
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.rows_in_leaf,
        "feature_fraction": settings.column_share,
        "max_bin": settings.bins,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": settings.l2,
        "feature_pre_filter": False,
        "seed": training.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if rows < ROWS_FOR_THREADS else 0,
        "verbosity": -1,
    }
