"""The image baseline: classical texture features, computed by TensorFlow ops, and LightGBM on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE, Feature
from solutionkit.models import gradient_boosting
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.explanation_files import save_background
from solutionkit.models.gradient_boosting import BOOSTER_FILE, Matrix, Settings
from solutionkit.models.image_background import background_images
from solutionkit.models.texture import texture_features
from solutionkit.models.trained import TrainedModel

EXPLAINER = "solutionkit.explain.image_models:BoostedTexture"
BATCH_IMAGES = 128
# Some hundred images and some hundred columns that say much the same: small leaves, few columns a tree, and
# coarse bins, which keep the table of thresholds small.
SETTINGS = Settings(
    leaves=8,
    learning_rate=0.1,
    rows_in_leaf=10,
    column_share=0.2,
    bins=31,
    patience=30,
    progress=1e-3,
    computed=True,
)


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the baseline.

    Args:
        train: Images to fit.
        validation: Images that choose the number of trees.
        spec: What the columns are.
        training: Its seed.
    """
    feature = spec.only(IMAGE)
    values = np.concatenate([feature_matrix(train, feature), feature_matrix(validation, feature)])
    matrix = Matrix(values, np.concatenate([train.label, validation.label]))
    head = spec.task.head(train.label)
    # As the network, one fit.
    folds = np.repeat([-1, 0], [len(train), len(validation)])
    booster, held_out, facts = gradient_boosting.fit_bag(matrix, folds, head, (SETTINGS,), training)
    score_matrix = gradient_boosting.scorer(booster)

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        features = texture_features(columns[IMAGE], largest_value(feature))
        return score_matrix(tf.cast(features, tf.float64))

    def save_for_explanation(folder: Path) -> None:
        booster.save_model(str(folder / BOOSTER_FILE))
        save_background(folder, background_images(train, spec, training.seed))

    scores = held_out[len(train) :]
    columns = matrix.values.shape[1]
    facts = {**facts, "algorithm": "LightGBM on LBP, HOG and grey statistics", "features": columns}
    return TrainedModel(score, scores, save_for_explanation, EXPLAINER, facts)


def feature_matrix(arrays: TransformedSplit, feature: Feature) -> np.ndarray:
    """`(rows, features)` float64."""

    # One graph for batches of all sizes; AutoGraph would translate it line by line and change nothing.
    @tf.function(input_signature=[tf.TensorSpec([None, *feature.shape], tf.float32)], autograph=False)
    def step(images: tf.Tensor) -> tf.Tensor:
        return texture_features(images, largest_value(feature))

    parts = [step(batch[IMAGE]).numpy() for batch in arrays.batches(BATCH_IMAGES)]
    return np.concatenate(parts).astype(np.float64)


def largest_value(feature: Feature) -> float:
    """The value of a white pixel."""
    return float(feature.white)
