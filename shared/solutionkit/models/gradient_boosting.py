"""The tabular baseline: LightGBM with early stopping and a size chosen on validation rows.

Few leaves and a small learning rate are what carries on tables of some thousand rows; larger
tables earn larger trees, so two sizes compete on the validation rows' log loss. As for the deep
model, validation rows end the training and are not fitted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.models.arrays import TableArrays
from solutionkit.models.trained import TrainedModel
from solutionkit.models.tree_scores import predictions
from solutionkit.models.trees import read_forest
from solutionkit.transform.tabular import CATEGORICAL, NUMERIC

BOOSTER_FILE = "booster.txt"
LEAVES = (8, 31)
LEARNING_RATE = 0.03
MOST_TREES = 2000
PATIENCE = 60
ROUNDINGS = 4.0
GOLDEN_SECTION = (5**0.5 - 1) / 2
# Below this, threads gain nothing, and on a busy machine they spin and starve each other.
ROWS_FOR_THREADS = 50_000


def train(train: TableArrays, validation: TableArrays, spec: TableSpec, training: Training) -> TrainedModel:
    """Train the baseline.

    Args:
        train: Rows to fit.
        validation: Rows that choose the size and the number of trees.
        spec: What the columns are.
        training: Its seed.
    """
    candidates = [_fit_with_early_stopping(train, validation, spec, training, leaves) for leaves in LEAVES]
    best = min(candidates, key=lambda booster: booster.best_score["validation"]["binary_logloss"])
    # Without the trees that early stopping cut off.
    model = best.model_to_string(num_iteration=best.best_iteration)
    booster = lightgbm.Booster(model_str=off_the_grid(model, training_matrix(train)))
    validation_scores = np.asarray(booster.predict(design_matrix(validation)))
    forest = read_forest(booster)

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        parts = [tf.cast(columns[name], tf.float64) for name in (NUMERIC, CATEGORICAL) if name in columns]
        return tf.cast(predictions(forest, tf.concat(parts, axis=1)), tf.float32)

    def save_for_explanation(folder: Path) -> None:
        booster.save_model(str(folder / BOOSTER_FILE))

    facts = {"algorithm": "LightGBM", "trees": booster.num_trees(), "leaves": int(best.params["num_leaves"])}
    return TrainedModel(score, validation_scores, save_for_explanation, facts)


def design_matrix(arrays: TableArrays) -> np.ndarray:
    """`(rows, columns)` float64: z-scores, then category ids."""
    return np.concatenate([arrays.numeric, arrays.categorical], axis=1, dtype=np.float64)


def training_matrix(arrays: TableArrays) -> np.ndarray:
    """The design matrix without rounding noise in its numeric columns."""
    matrix = design_matrix(arrays)
    for column in range(arrays.numeric.shape[1]):
        matrix[:, column] = without_rounding_noise(matrix[:, column])
    return matrix


def _fit_with_early_stopping(
    train: TableArrays, validation: TableArrays, spec: TableSpec, training: Training, leaves: int
) -> lightgbm.Booster:
    fitted = _dataset(train, spec)
    return lightgbm.train(
        _parameters(training, leaves, len(train)),
        fitted,
        MOST_TREES,
        valid_sets=[lightgbm.Dataset(design_matrix(validation), validation.label, reference=fitted)],
        valid_names=["validation"],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )


def _dataset(arrays: TableArrays, spec: TableSpec) -> lightgbm.Dataset:
    first = arrays.numeric.shape[1]
    names = [f"column_{position}" for position in range(len(spec.model_columns))]
    return lightgbm.Dataset(
        training_matrix(arrays),
        arrays.label,
        feature_name=names,
        categorical_feature=list(range(first, first + arrays.categorical.shape[1])),
        params={"verbosity": -1},
        free_raw_data=False,
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
    group = np.concatenate([[0], np.cumsum(np.diff(distinct) > noise)])
    first = distinct[np.concatenate([[True], np.diff(group) > 0])]
    clean = values.copy()
    clean[known] = first[group[place]]
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


def _parameters(training: Training, leaves: int, rows: int) -> dict[str, Any]:
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": leaves,
        "learning_rate": LEARNING_RATE,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "seed": training.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if rows < ROWS_FOR_THREADS else 0,
        "verbosity": -1,
    }
