"""Both image models for lines with few defects to learn from: trained on sound images alone.

The baseline measures how far texture features lie from those of sound images, by Mahalanobis distance
with O. Ledoit and M. Wolf's covariance (J. Multivariate Analysis 88, 2004). The deep model learns to tell
sound images from sound images of which a piece was changed, as C. Li, K. Sohn, J. Yoon and
T. Pfister do in "CutPaste" (CVPR 2021), and calls defective what looks changed.

Their outputs lie between 0 and 1 and rank images; they are no probabilities.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.covariance import LedoitWolf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE
from solutionkit.models import image_learning, image_network
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.augmentation import augment, pasted
from solutionkit.models.explanation_files import save_background
from solutionkit.models.image_background import background_images
from solutionkit.models.joint_head import JointHead
from solutionkit.models.texture import texture_features
from solutionkit.models.texture_baseline import feature_matrix
from solutionkit.models.trained import TrainedModel
from solutionkit.progress import Progress

DISTANCE_FILE = "distance.npz"
EXPLAINER = "solutionkit.explain.image_models:TextureDistance"
# Of sound validation images, the share that scores below one half.
USUAL = 0.95
# Added to spreads in quadrature: a bin that sound images hardly ever fill must not decide alone.
LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class Distance:
    """Mahalanobis distance to sound images.

    Attributes:
        mean: `(features,)`.
        spread: `(features,)` standard deviations.
        whitening: `(features, features)`: what standardised features are multiplied with.
        usual: The squared distance that scores one half.
    """

    mean: np.ndarray
    spread: np.ndarray
    whitening: np.ndarray
    usual: float

    def squared(self, features: np.ndarray) -> np.ndarray:
        """`(rows,)` squared distances of `(rows, features)`."""
        distances: np.ndarray = (((features - self.mean) / self.spread @ self.whitening) ** 2).sum(axis=1)
        return distances

    def scorer(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """TensorFlow ops: `(batch, features)` float64 -> `(batch, 1)` float32 between 0 and 1."""

        def score(features: tf.Tensor) -> tf.Tensor:
            white = tf.linalg.matmul((features - self.mean) / self.spread, self.whitening)
            squared = tf.reduce_sum(white**2, axis=1, keepdims=True)
            return tf.cast(squared / (squared + self.usual), tf.float32)

        return score

    def save(self, folder: Path) -> None:
        """Write it, without pickle."""
        np.savez(
            folder / DISTANCE_FILE,
            mean=self.mean,
            spread=self.spread,
            whitening=self.whitening,
            usual=self.usual,
        )


def load_distance(folder: Path) -> Distance:
    """The distance that `Distance.save` wrote."""
    with np.load(folder / DISTANCE_FILE) as stored:
        return Distance(stored["mean"], stored["spread"], stored["whitening"], float(stored["usual"]))


def fit_distance(sound: np.ndarray, held_out: np.ndarray) -> Distance:
    """The distance to sound images.

    Args:
        sound: `(rows, features)` to fit.
        held_out: `(rows, features)` of other sound images, which say what distance is usual.
    """
    spread = np.hypot(sound.std(axis=0), LEAST_SPREAD)
    fitted = LedoitWolf(assume_centered=True).fit((sound - sound.mean(axis=0)) / spread)
    distance = Distance(sound.mean(axis=0), spread, np.linalg.cholesky(fitted.precision_), 1.0)
    usual = float(np.quantile(distance.squared(held_out), USUAL))
    return Distance(distance.mean, distance.spread, distance.whitening, usual)


def train_texture(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the baseline on sound images.

    Args:
        train: Images, of which the sound ones are fitted.
        validation: Images, of which the sound ones say what is usual.
        spec: What the columns are.
        training: Its seed draws the images that explanations compare with.
    """
    feature = spec.only(IMAGE)
    features = feature_matrix(validation, feature)
    sound = feature_matrix(train.take(train.label == 0), feature)
    distance = fit_distance(sound, features[validation.label == 0])
    score_features = distance.scorer()

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        return score_features(tf.cast(texture_features(columns[IMAGE], float(feature.white)), tf.float64))

    def save_for_explanation(folder: Path) -> None:
        distance.save(folder)
        save_background(folder, background_images(train, spec, training.seed))

    squared = distance.squared(features)
    scores = (squared / (squared + distance.usual))[:, None]
    facts = {
        "algorithm": "Distance of texture features",
        "features": sound.shape[1],
        "sound_images": len(sound),
    }
    return TrainedModel(score, scores, save_for_explanation, EXPLAINER, facts, probabilities=False)


def train_network(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the network to tell sound images from sound images of which a piece was changed.

    Args:
        train: Images, of which the sound ones are fitted.
        validation: Images, of which the sound ones choose the weights.
        spec: What the columns are.
        training: Seed, epochs, size and, if wished, a pre-trained backbone.
    """
    keras.utils.set_random_seed(training.seed)
    tf.config.experimental.enable_op_determinism()
    white = float(spec.only(IMAGE).white)
    sound, held_out = train.take(train.label == 0), validation.take(validation.label == 0)

    def half_pasted(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = augment(images, white)
        labels = tf.cast(tf.random.uniform(tf.shape(labels)) < 0.5, tf.int64)
        return tf.where(labels[:, :, None, None] == 1, pasted(images, white), images), labels

    both = np.concatenate([held_out.of(IMAGE), spoiled(held_out, white, training.seed)])
    told = TransformedSplit({IMAGE: both}, np.repeat([0, 1], len(held_out)))
    pupil = image_learning.Pupil(
        network=image_network.build(spec, training, peaks=True),
        images=tf.constant(sound.of(IMAGE)),
        labels=tf.constant(sound.labels),
        learned=np.arange(len(sound)),
        held_out=told,
        head=JointHead.of(spec, told.labels),
        change=half_pasted,
    )
    lessons = image_learning.lessons_for(len(sound), spec.only(IMAGE).shape, training)
    learner = image_learning.Learner(pupil, lessons, Progress(lessons.steps))
    network = learner.finished()
    scores = image_learning.scores_in_batches(network.score, validation)
    facts = {**network.facts, "steps": learner.mean.steps, "sound_images": len(sound)}
    facts["algorithm"] = f"{facts['algorithm']} told changed from sound"
    save = functools.partial(image_network.save, network, train, spec, training)
    return TrainedModel(
        network.score,
        scores,
        save,
        image_network.EXPLAINER,
        facts,
        [network.whole],
        probabilities=False,
    )


def spoiled(images: TransformedSplit, white: float, seed: int) -> np.ndarray:
    """Images of which a piece was changed, some at a time.

    Args:
        images: What is changed.
        white: The value of white.
        seed: Of what is pasted.
    """
    pieces = [
        np.round(pasted(batch[IMAGE], white, seed + number).numpy())
        for number, batch in enumerate(images.batches(image_learning.BATCH_SCORED))
    ]
    return np.concatenate(pieces).astype(images.of(IMAGE).dtype)
