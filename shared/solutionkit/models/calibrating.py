"""Probabilities that happen as often as they say, learned on rows that were held out.

A calibrator is kept only if it lowers the log loss of rows that it did not see, by more than chance: most
models that stop by their log loss need none. Of a bag, held-out rows are told by single fits, and the mean of
fits is less sure of itself than these are: what would make it less sure still is not kept. What was learned
is part of the exported graph, so what is served is what is judged.

J. Platt, "Probabilistic outputs for support vector machines" (1999); B. Zadrozny, C. Elkan, "Transforming
classifier scores into accurate multiclass probability estimates", KDD 2002; C. Guo, G. Pleiss, Y. Sun,
K. Weinberger, "On calibration of modern neural networks", ICML 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import tensorflow as tf
from scipy import optimize

from solutionkit.models.trained import TrainedModel

# Parts of the held-out rows, each calibrated by what was learned of the others.
PARTS = 5
# Standard errors by which the loss must fall.
CLEARLY = 2.0
LEAST = 1e-7
# How much of the model's own probability is left in what isotonic regression says.
TILT = 0.02
CALIBRATOR_FILE = "calibrator.npz"
SLOPES = (0.05, 20.0)


class Calibrator(Protocol):
    """A function of outputs that keeps their order."""

    name: str

    @classmethod
    def fit(cls, labels: np.ndarray, outputs: np.ndarray) -> Self:
        """Learn of `(rows,)` class ids and `(rows, outputs)` probabilities, where each class occurs."""
        ...

    def __call__(self, outputs: tf.Tensor) -> tf.Tensor:
        """`(batch, outputs)` probabilities -> calibrated ones, by TensorFlow ops."""
        ...


@dataclass(frozen=True)
class Scaled:
    """Log odds times a number plus another, of the positive class of two.

    Attributes:
        slope: The first.
        shift: The second.
    """

    slope: float
    shift: float

    name = "scaled"

    @classmethod
    def fit(cls, labels: np.ndarray, outputs: np.ndarray) -> Self:
        """The least log loss."""
        odds = _odds(outputs[:, 0])
        sign = np.where(labels > 0, -1.0, 1.0)

        def loss(values: np.ndarray) -> float:
            return float(np.logaddexp(0.0, sign * (values[0] * odds + values[1])).mean())

        found = optimize.minimize(loss, [1.0, 0.0], method="L-BFGS-B", bounds=[SLOPES, (None, None)])
        return cls(float(found.x[0]), float(found.x[1]))

    def __call__(self, outputs: tf.Tensor) -> tf.Tensor:
        """By TensorFlow ops."""
        probability = tf.clip_by_value(outputs, LEAST, 1.0 - LEAST)
        odds = tf.math.log(probability) - tf.math.log(1.0 - probability)
        return tf.sigmoid(self.slope * odds + self.shift)


@dataclass(frozen=True)
class Isotonic:
    """Isotonic regression's steps, joined by lines and slightly tilted, of the positive class of two.

    Level steps would give rows the same probability that the model tells apart.

    Attributes:
        predicted: `(points,)` ascending.
        observed: `(points,)` ascending.
    """

    predicted: np.ndarray
    observed: np.ndarray

    name = "isotonic"

    @classmethod
    def fit(cls, labels: np.ndarray, outputs: np.ndarray) -> Self:
        """Steps of isotonic regression; none that holds one class alone is taken for certain."""
        from sklearn.isotonic import IsotonicRegression

        scores, positive = outputs[:, 0].astype(np.float64), (labels > 0).astype(np.float64)
        place = np.unique(IsotonicRegression().fit_transform(scores, positive), return_inverse=True)[1]
        while True:
            counts = np.bincount(place)
            middle = np.bincount(place, weights=scores) / counts
            share = (np.bincount(place, weights=positive) + 0.5) / (counts + 1.0)
            # A step of few rows says little: it joins its neighbour where it would stand on the wrong side.
            joined = IsotonicRegression().fit_transform(middle, share, sample_weight=counts + 1.0)
            steps = np.unique(joined, return_inverse=True)[1]
            if steps[-1] + 1 == len(counts):
                break
            place = steps[place]
        order = np.lexsort((scores, place))
        ends = np.cumsum(counts)
        edges = np.stack([scores[order][ends - counts], scores[order][ends - 1]], axis=1).ravel()
        levels = np.repeat(share, 2)
        kept = np.append(np.diff(edges) > 0.0, True)
        predicted = np.concatenate([[0.0], edges[kept], [1.0]]).astype(np.float32)
        observed = np.concatenate([[levels[0]], levels[kept], [levels[-1]]])
        return cls(predicted, ((1.0 - TILT) * observed + TILT * predicted).astype(np.float32))

    def __call__(self, outputs: tf.Tensor) -> tf.Tensor:
        """By TensorFlow ops."""
        widths = np.maximum(np.diff(self.predicted), LEAST)
        below = tf.clip_by_value((outputs[..., None] - self.predicted[:-1]) / widths, 0.0, 1.0)
        risen = tf.reduce_sum(below * np.diff(self.observed), axis=-1)
        return tf.clip_by_value(self.observed[0] + risen, 0.0, 1.0)


@dataclass(frozen=True)
class Tempered:
    """Log probabilities of several classes divided by a temperature.

    Attributes:
        temperature: The number.
    """

    temperature: float

    name = "temperature"

    @classmethod
    def fit(cls, labels: np.ndarray, outputs: np.ndarray) -> Self:
        """The least log loss."""
        logs = np.log(np.clip(outputs, LEAST, 1.0))

        def loss(power: float) -> float:
            scaled = logs * np.exp(-power)
            return float(_class_losses(labels, scaled - np.logaddexp.reduce(scaled, axis=1)[:, None]).mean())

        bounds = np.log(SLOPES)
        return cls(float(np.exp(optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x)))

    def __call__(self, outputs: tf.Tensor) -> tf.Tensor:
        """By TensorFlow ops."""
        return tf.nn.softmax(tf.math.log(tf.clip_by_value(outputs, LEAST, 1.0)) / self.temperature, axis=-1)


KINDS: dict[str, type[Any]] = {kind.name: kind for kind in (Scaled, Isotonic, Tempered)}


def save_calibrator(folder: Path, calibrator: Calibrator) -> None:
    """Write it, without pickle."""
    np.savez(folder / CALIBRATOR_FILE, kind=calibrator.name, **vars(calibrator))


def load_calibrator(folder: Path) -> Calibrator | None:
    """What `save_calibrator` wrote; None where probabilities were left as they are."""
    if not (folder / CALIBRATOR_FILE).is_file():
        return None
    with np.load(folder / CALIBRATOR_FILE) as stored:
        values = {name: stored[name] for name in stored.files}
    kind = KINDS[str(values.pop("kind"))]
    calibrator: Calibrator = kind(
        **{name: value if value.ndim else float(value) for name, value in values.items()}
    )
    return calibrator


def calibrated(
    trained: TrainedModel,
    labels: np.ndarray,
    train_labels: np.ndarray,
    kinds: tuple[type[Calibrator], ...],
    seed: int,
) -> TrainedModel:
    """A model whose probabilities were calibrated, if that helps.

    Args:
        trained: The model, with what it says of rows that were held out.
        labels: `(validation rows,)` class ids.
        train_labels: `(train rows,)`.
        kinds: Calibrators that compete.
        seed: Of the parts that are calibrated by the others.

    Returns:
        The model, whose held-out scores are calibrated too. `facts["calibration"]` tells the `method` and the
        log loss `before` and, of rows that the calibrator did not see, `after`.
    """
    if not kinds or not trained.probabilities:
        return trained
    known, outputs = labels, trained.validation_scores
    if trained.train_scores is not None:
        told = ~np.isnan(trained.train_scores).any(axis=1)
        known = np.concatenate([labels, train_labels[told]])
        outputs = np.concatenate([outputs, trained.train_scores[told]])
    before = log_losses(known, outputs)
    best: Calibrator | None = None
    facts = {"method": "none", "before": float(before.mean()), "after": float(before.mean())}
    for kind in kinds:
        after = cross_fitted_losses(kind, known, outputs, seed)
        if after is None:
            continue
        gain = before - after
        clear = gain.mean() > CLEARLY * gain.std() / np.sqrt(len(gain))
        if clear and after.mean() < facts["after"]:
            found = kind.fit(known, outputs)
            if trained.train_scores is not None and _spread(_applied(found, outputs)) < _spread(outputs):
                continue
            best = found
            facts |= {"method": kind.name, "after": float(after.mean())}
    facts = {**trained.facts, "calibration": facts}
    if best is None:
        return replace(trained, facts=facts)
    calibrate = best

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        return calibrate(trained.score(columns))

    def save(folder: Path) -> None:
        trained.save_for_explanation(folder)
        save_calibrator(folder, calibrate)

    return replace(
        trained,
        score=score,
        save_for_explanation=save,
        validation_scores=_applied(calibrate, trained.validation_scores),
        train_scores=None if trained.train_scores is None else _applied(calibrate, trained.train_scores),
        facts=facts,
    )


def cross_fitted_losses(
    kind: type[Calibrator], labels: np.ndarray, outputs: np.ndarray, seed: int
) -> np.ndarray | None:
    """Log losses of rows that the calibrator did not see.

    Args:
        kind: The calibrator.
        labels: `(rows,)` class ids.
        outputs: `(rows, outputs)` probabilities.
        seed: Of the parts.

    Returns:
        `(rows,)`; None where a part lacks a class.
    """
    part = np.random.default_rng(seed).permutation(len(labels)) % PARTS
    losses = np.zeros(len(labels))
    count = len(np.unique(labels))
    for number in range(PARTS):
        unseen = part == number
        if not unseen.any() or len(np.unique(labels[~unseen])) < count or count < 2:
            return None
        losses[unseen] = log_losses(
            labels[unseen], _applied(kind.fit(labels[~unseen], outputs[~unseen]), outputs[unseen])
        )
    return losses


def log_losses(labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """`(rows,)` of `(rows,)` class ids and `(rows, outputs)` probabilities."""
    if outputs.shape[1] > 1:
        return _class_losses(labels, np.log(np.clip(outputs, LEAST, 1.0)))
    losses: np.ndarray = np.logaddexp(0.0, np.where(labels > 0, -1.0, 1.0) * _odds(outputs[:, 0]))
    return losses


def _class_losses(labels: np.ndarray, logs: np.ndarray) -> np.ndarray:
    losses: np.ndarray = -np.take_along_axis(logs, labels[:, None].astype(np.int64), axis=1)[:, 0]
    return losses


def _odds(probability: np.ndarray) -> np.ndarray:
    clipped = np.clip(probability.astype(np.float64), LEAST, 1.0 - LEAST)
    odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return odds


def _spread(outputs: np.ndarray) -> float:
    """How sure outputs are: the spread of their log odds."""
    return float(_odds(outputs).std())


def _applied(calibrate: Callable[[Any], Any], outputs: np.ndarray) -> np.ndarray:
    """What the graph gives; NaN where there is nothing to calibrate."""
    told = ~np.isnan(outputs).any(axis=1)
    result = np.full(outputs.shape, np.nan)
    if told.any():
        result[told] = calibrate(tf.constant(outputs[told], tf.float32)).numpy()
    return result
