"""LightGBM with early stopping and a size chosen on validation rows, scored by TensorFlow ops.

Few leaves and a small learning rate are what carries on tables of some thousand rows; larger
tables earn larger trees, so two sizes compete on the validation rows' log loss. As for the deep
model, validation rows end the training and are not fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import CATEGORICAL, NUMERIC
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.heads import Head
from solutionkit.models.trained import TrainedModel
from solutionkit.models.tree_scores import predictions
from solutionkit.models.trees import read_forest

BOOSTER_FILE = "booster.txt"
EXPLAINER = "solutionkit.explain.trees:TreeExplanation"
MOST_TREES = 2000
ROUNDINGS = 4.0
GOLDEN_SECTION = (5**0.5 - 1) / 2
# Below this, threads gain nothing, and on a busy machine they spin and starve each other.
ROWS_FOR_THREADS = 50_000


@dataclass(frozen=True)
class Settings:
    """What suits a kind of feature.

    Attributes:
        leaves: Sizes of tree that compete.
        learning_rate: Of each tree.
        rows_in_leaf: The fewest.
        column_share: Columns drawn for each tree.
        bins: The most that a column is cut into, so that a forest over many columns stays small.
        patience: Trees without progress that end the training.
        progress: The least fall of the log loss that counts.
        l2: Penalty on leaf values.
    """

    leaves: tuple[int, ...] = (8, 31)
    learning_rate: float = 0.03
    rows_in_leaf: int = 40
    column_share: float = 0.6
    bins: int = 255
    patience: int = 60
    progress: float = 0.0
    l2: float = 5.0


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
    settings = RARE if head.rare else Settings()
    booster, facts = fit(design(train), design(validation), head, settings, training)

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        parts = [tf.cast(columns[name], tf.float64) for name in (NUMERIC, CATEGORICAL) if name in columns]
        return score_matrix(tf.concat(parts, axis=1))

    score_matrix = scorer(booster)
    scores = booster.predict(design_matrix(validation)).reshape(len(validation), head.outputs)

    def save_for_explanation(folder: Path) -> None:
        booster.save_model(str(folder / BOOSTER_FILE))

    return TrainedModel(score, scores, save_for_explanation, EXPLAINER, facts)


def fit(
    train: Matrix, validation: Matrix, head: Head, settings: Settings, training: Training
) -> tuple[lightgbm.Booster, dict[str, Any]]:
    """The best of the competing sizes, its thresholds off the grid of the data, and what to tell of it.

    Args:
        train: Rows to learn from.
        validation: Rows that choose size and number of trees.
        head: How the task is learned.
        settings: Which sizes compete, and what all have in common.
        training: Seed and limits, as declared.
    """
    clean = replace(train, values=without_noise(train))
    candidates = [
        _fit_with_early_stopping(clean, validation, head, settings, training, leaves)
        for leaves in settings.leaves
    ]
    best = min(candidates, key=lambda booster: next(iter(booster.best_score["validation"].values())))
    # Without the trees that early stopping cut off.
    model = best.model_to_string(num_iteration=best.best_iteration)
    booster = lightgbm.Booster(model_str=off_the_grid(model, clean.values))
    facts = {"algorithm": "LightGBM", "trees": booster.num_trees(), "leaves": int(best.params["num_leaves"])}
    return booster, facts


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
    """A table's rows: z-scores, then category ids."""
    first = arrays.of(NUMERIC).shape[1]
    categorical = tuple(range(first, first + arrays.of(CATEGORICAL).shape[1]))
    return Matrix(design_matrix(arrays), arrays.label, categorical)


def design_matrix(arrays: TransformedSplit) -> np.ndarray:
    """`(rows, columns)` float64: z-scores, then category ids."""
    return np.concatenate([arrays.of(NUMERIC), arrays.of(CATEGORICAL)], axis=1, dtype=np.float64)


def without_noise(matrix: Matrix) -> np.ndarray:
    """The values without rounding noise in the numeric columns."""
    values = matrix.values.copy()
    for column in set(range(values.shape[1])) - set(matrix.categorical):
        values[:, column] = without_rounding_noise(values[:, column])
    return values


def _fit_with_early_stopping(
    train: Matrix, validation: Matrix, head: Head, settings: Settings, training: Training, leaves: int
) -> lightgbm.Booster:
    names = [f"column_{position}" for position in range(train.values.shape[1])]
    parameters = _parameters(training, settings, leaves, head, len(train.label))
    fitted = lightgbm.Dataset(
        train.values,
        train.label,
        feature_name=names,
        categorical_feature=list(train.categorical),
        params={"verbosity": -1, "max_bin": settings.bins},
        free_raw_data=False,
    )
    return lightgbm.train(
        parameters,
        fitted,
        MOST_TREES,
        valid_sets=[lightgbm.Dataset(validation.values, validation.label, reference=fitted)],
        valid_names=["validation"],
        callbacks=[lightgbm.early_stopping(settings.patience, verbose=False, min_delta=settings.progress)],
    )


def without_rounding_noise(values: np.ndarray) -> np.ndarray:
    """`(rows,)` values in which those a few float32 roundings apart are one.

    The same raw value can become z-scores that differ in their last bit, by where it stands in a batch and
    by what TensorFlow's graph optimiser does. A split between two such scores would send the same row left
    here and right in a server; without them, every split lies well between two raw values.
    """
    known = ~np.isnan(values)
    distinct, place = np.unique(values[known], return_inverse=True)
    if not len(distinct):
        return values
    noise = ROUNDINGS * np.finfo(np.float32).eps * np.maximum(np.abs(distinct[1:]), 1.0)
    cell = np.concatenate([[0], np.cumsum(np.diff(distinct) > noise)])
    first = distinct[np.concatenate([[True], np.diff(cell) > 0])]
    clean = values.copy()
    clean[known] = first[cell[place]]
    return clean


def off_the_grid(model: str, matrix: np.ndarray) -> str:
    """A model's text with each numeric threshold moved within the gap between two training values.

    LightGBM splits in the middle of two values. Prices and ages lie on a grid, so a value that training never
    saw can lie in that very middle, where the last bit of its z-score decides, and that bit depends on who
    computes it. No grid has a point at the golden section. Training rows go where they went.

    Args:
        model: What `Booster.model_to_string` gives.
        matrix: What it was trained on.
    """
    distinct = [np.unique(column[~np.isnan(column)]) for column in matrix.T]
    lines = model.split("\n")
    columns: list[int] = []
    for number, line in enumerate(lines):
        key, _, values = line.partition("=")
        if key == "split_feature":
            columns = [int(value) for value in values.split()]
        elif key == "threshold" and columns:
            kinds = [int(value) for value in lines[number + 1].removeprefix("decision_type=").split()]
            moved = [
                value if kind & 1 else repr(_golden(float(value), distinct[column]))
                for value, kind, column in zip(values.split(), kinds, columns, strict=True)
            ]
            lines[number] = f"threshold={' '.join(moved)}"
    # Lengths in bytes, which no longer hold; LightGBM reads a model without them.
    return "\n".join(line for line in lines if not line.startswith("tree_sizes="))


def _golden(threshold: float, distinct: np.ndarray) -> float:
    """A threshold at the golden section of its gap; as it was, outside the values."""
    above = int(np.searchsorted(distinct, threshold, side="right"))
    if not 0 < above < len(distinct):
        return threshold
    low, high = float(distinct[above - 1]), float(distinct[above])
    return low + GOLDEN_SECTION * (high - low)


def _parameters(training: Training, settings: Settings, leaves: int, head: Head, rows: int) -> dict[str, Any]:
    return {
        **head.boosting,
        "num_class": head.outputs,
        "num_leaves": leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.rows_in_leaf,
        "feature_fraction": settings.column_share,
        "max_bin": settings.bins,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": settings.l2,
        "seed": training.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if rows < ROWS_FOR_THREADS else 0,
        "verbosity": -1,
    }
