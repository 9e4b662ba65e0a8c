"""The simple model of images: a linear function of texture features."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE
from solutionkit.models.additive import Additive, fit_additive
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.explanation_files import save_background
from solutionkit.models.folds import fold_codes, parted
from solutionkit.models.image_background import background_images
from solutionkit.models.texture import texture_features
from solutionkit.models.texture_baseline import feature_matrix
from solutionkit.models.trained import TrainedModel

EXPLAINER = "solutionkit.explain.image_models:TextureLinear"
# Images times fits.
MOST_IMAGES = 200_000


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the simple model.

    Args:
        train: Images to fit.
        validation: Images that choose the penalty.
        spec: What the columns are.
        training: Seed and preset.
    """
    feature, head = spec.only(IMAGE), spec.task.head(train.label)
    rows = train.joined(validation)
    matrix = feature_matrix(rows, feature)
    folds = fold_codes(rows, training, MOST_IMAGES)
    linear, held_out, facts = fit_additive(
        matrix, np.zeros((len(rows), 0), np.int64), rows.label, folds, head, training.seed, pieces=1
    )
    score_features = functools.partial(linear_score, linear, spec)

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        return score_features(texture_features(columns[IMAGE], float(feature.white)))

    def save(folder: Path) -> None:
        linear.save(folder)
        save_background(folder, background_images(train, spec, training.seed))

    train_scores, scores = parted(held_out, len(train))
    facts = {**facts, "algorithm": "a linear model of LBP, HOG and grey statistics"}
    return TrainedModel(score, scores, save, EXPLAINER, facts, train_scores=train_scores)


def linear_score(linear: Additive, spec: TableSpec, features: tf.Tensor) -> tf.Tensor:
    """`(batch, outputs)` probabilities of `(batch, features)`, by TensorFlow ops."""
    features = tf.cast(features, tf.float32)
    ids = tf.zeros([tf.shape(features)[0], 0], tf.int64)
    answers: tf.Tensor = spec.task.head(np.zeros(0)).answers(linear.raw(features, ids))
    return answers
