"""The image baseline: classical texture features, computed by TensorFlow ops, and what suits them best.

LightGBM, a kernel machine and the mean of both compete by the loss of held-out images: steps suit some
surfaces, smooth functions others, and which cannot be told beforehand.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE, Feature
from solutionkit.models import gradient_boosting
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.explanation_files import save_background
from solutionkit.models.folds import fold_codes, parted
from solutionkit.models.gradient_boosting import BOOSTER_FILE, Matrix, Settings
from solutionkit.models.heads import Head
from solutionkit.models.image_background import background_images
from solutionkit.models.kernel_machine import KERNEL_FILE, KernelMachine, fit_kernel, load_kernel
from solutionkit.models.search import Trial
from solutionkit.models.texture import texture_features
from solutionkit.models.trained import TrainedModel

EXPLAINER = "solutionkit.explain.image_models:TextureBaseline"
BATCH_IMAGES = 128
# Fits of the trees, which are large; the kernel machine, which is small, is fitted to all images in the end.
MOST_FITS = 3
# Some hundred images and some hundred columns that say much the same: small leaves, few columns a tree, and
# coarse bins, which keep the table of thresholds small.
SETTINGS = Settings(
    leaves=8,
    learning_rate=0.1,
    rows_in_leaf=10,
    column_share=0.2,
    bins=15,
    patience=30,
    progress=1e-3,
    computed=True,
)


@dataclass(frozen=True)
class Learned:
    """What was learned of texture features: trees, a kernel machine, or both, whose mean counts.

    Attributes:
        trees: The first, if it is part.
        kernel: The second, if it is part.
    """

    trees: lightgbm.Booster | None
    kernel: KernelMachine | None

    def scorer(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """TensorFlow ops: `(batch, features)` float64 -> `(batch, outputs)` float32 probabilities."""
        parts = [] if self.trees is None else [gradient_boosting.scorer(self.trees)]
        parts += [] if self.kernel is None else [self.kernel.scorer()]
        return lambda features: tf.add_n([part(features) for part in parts]) / len(parts)

    def save(self, folder: Path) -> None:
        """Write the parts, without pickle."""
        if self.trees is not None:
            self.trees.save_model(str(folder / BOOSTER_FILE))
        if self.kernel is not None:
            self.kernel.save(folder)


def load_learned(folder: Path) -> Learned:
    """What `Learned.save` wrote."""
    booster = folder / BOOSTER_FILE
    return Learned(
        lightgbm.Booster(model_file=str(booster)) if booster.is_file() else None,
        load_kernel(folder) if (folder / KERNEL_FILE).is_file() else None,
    )


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the baseline.

    Args:
        train: Images to fit.
        validation: Images that choose, with those of other folds, what is learned and how long.
        spec: What the columns are.
        training: Seed and preset.
    """
    feature = spec.only(IMAGE)
    rows = train.joined(validation)
    folds = fold_codes(rows, training, MOST_FITS * len(rows))
    head = spec.task.head(train.label)
    matrix = Matrix(feature_matrix(rows, feature), rows.label)
    booster, of_trees, facts = gradient_boosting.fit_bag(matrix, folds, head, (SETTINGS,), training)
    kernel, of_kernel = fit_kernel(matrix.values, rows.label, folds, head, training.seed)
    candidates = {
        "LightGBM": (Learned(booster, None), of_trees),
        "a kernel machine": (Learned(None, kernel), of_kernel),
        "LightGBM and a kernel machine": (Learned(booster, kernel), (of_trees + of_kernel) / 2),
    }
    losses = {name: _loss(head, rows.label, scores) for name, (_, scores) in candidates.items()}
    # Those of the trees are judged by other rows.
    if trials := facts.pop("trials", None):
        facts["trials_of_trees"] = trials
    chosen = min(losses, key=losses.__getitem__)
    learned, held_out = candidates[chosen]
    train_scores, scores = parted(held_out, len(train))
    facts = {
        **({} if learned.trees is None else facts),
        "algorithm": f"{chosen} on LBP, HOG and grey statistics",
        "features": matrix.values.shape[1],
        "trials": [Trial({"model": name}, loss).facts for name, loss in losses.items()],
    }
    if learned.kernel is not None:
        facts["landmarks"] = len(learned.kernel.landmarks)
    score_features = learned.scorer()

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        features = texture_features(columns[IMAGE], float(feature.white))
        return score_features(tf.cast(features, tf.float64))

    save = functools.partial(save_for_explanation, learned, train, spec, training)
    return TrainedModel(score, scores, save, EXPLAINER, facts, train_scores=train_scores)


def save_for_explanation(
    learned: Learned, train: TransformedSplit, spec: TableSpec, training: Training, folder: Path
) -> None:
    """Write what was learned, and images to compare with, for the explainer.

    Args:
        learned: Of texture features.
        train: Images to compare with are chosen from these.
        spec: What the columns are.
        training: The seed, as declared.
        folder: Where the explainer will look.
    """
    learned.save(folder)
    save_background(folder, background_images(train, spec, training.seed))


def _loss(head: Head, labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean loss of the rows that were held out."""
    known = ~np.isnan(scores).any(axis=1)
    return float(np.mean(head.loss(labels[known].astype(np.float32), scores[known])))


def feature_matrix(arrays: TransformedSplit, feature: Feature) -> np.ndarray:
    """`(rows, features)` float64."""

    # One graph for batches of all sizes; AutoGraph would translate it line by line and change nothing.
    @tf.function(input_signature=[tf.TensorSpec([None, *feature.shape], tf.float32)], autograph=False)
    def step(images: tf.Tensor) -> tf.Tensor:
        return texture_features(images, float(feature.white))

    parts = [step(batch[IMAGE]).numpy() for batch in arrays.batches(BATCH_IMAGES)]
    return np.concatenate(parts).astype(np.float64)
