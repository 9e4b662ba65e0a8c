"""Logistic regression in the space of a Gaussian kernel, as TensorFlow ops.

Some hundred rows of some hundred columns that say much the same favour a smooth function over steps. The
kernel is approximated from some of the rows (C. Williams, M. Seeger: "Using the Nystroem method to speed up
kernel machines", NIPS 2000), which is exact while there are no more rows than that.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression

from solutionkit.models.heads import Head

KERNEL_FILE = "kernel.npz"
LANDMARKS = 1000
# What competes: how narrow the kernel is, relative to the number of columns, and how little is penalised.
WIDTHS, LOOSENESS = (0.3, 1.0), (10.0, 100.0, 1000.0)
# The settings compete on so many rows, and by the loss of so many folds.
COMPETE_ROWS, COMPETE = 4000, 2
MOST_STEPS, TOLERANCE = 300, 1e-3
# Standard deviations beyond which a column says no more.
FARTHEST = 6.0
# A value's last bit, which differs from batch to batch, must not become much: so flat is the root at zero,
# and no spread counts as smaller.
SMOOTH, LEAST_SPREAD = 1e-3, 1e-3
# Of a class that none of the fitted rows has.
NEVER = -20.0


@dataclass(frozen=True)
class KernelMachine:
    """A sum of Gaussian bumps on the square roots of features.

    Square roots, because most features are shares: the distance between shares is then Hellinger's.

    Attributes:
        centre: `(features,)` means of the roots.
        spread: `(features,)` standard deviations.
        width: Of the exponent.
        landmarks: `(landmarks, features)` standardised.
        weights: `(landmarks, outputs)` of the bumps.
        bias: `(outputs,)`.
    """

    centre: np.ndarray
    spread: np.ndarray
    width: np.ndarray
    landmarks: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def scorer(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """TensorFlow ops: `(batch, features)` float64 -> `(batch, outputs)` float32 probabilities."""
        squares = (self.landmarks**2).sum(axis=1)

        def score(features: tf.Tensor) -> tf.Tensor:
            roots = features / tf.sqrt(tf.abs(features) + SMOOTH)
            standard = (roots - self.centre) / self.spread
            standard = tf.clip_by_value(standard, -FARTHEST, FARTHEST)
            distances = tf.reduce_sum(standard**2, axis=1, keepdims=True) + squares
            distances -= 2.0 * tf.linalg.matmul(standard, self.landmarks, transpose_b=True)
            logits = tf.linalg.matmul(tf.exp(-self.width * distances), self.weights) + self.bias
            answers = tf.sigmoid(logits) if logits.shape[-1] == 1 else tf.nn.softmax(logits)
            return tf.cast(answers, tf.float32)

        return score

    def save(self, folder: Path) -> None:
        """Write it, without pickle."""
        np.savez(folder / KERNEL_FILE, **{field.name: getattr(self, field.name) for field in fields(self)})


def load_kernel(folder: Path) -> KernelMachine:
    """What `KernelMachine.save` wrote."""
    with np.load(folder / KERNEL_FILE) as stored:
        return KernelMachine(**{field.name: stored[field.name] for field in fields(KernelMachine)})


def fit_kernel(
    values: np.ndarray, labels: np.ndarray, folds: np.ndarray, head: Head, seed: int
) -> tuple[KernelMachine, np.ndarray]:
    """A machine of the width and looseness whose held-out rows have the least loss.

    Args:
        values: `(rows, features)` of the training side.
        labels: `(rows,)` class ids.
        folds: `(rows,)` which are held out together; rows of -1 never are.
        head: What the loss is.
        seed: Draws landmarks.

    Returns:
        The machine, fitted on all rows if there are several folds, else on those of -1; and `(rows, outputs)`
        scores of each row by a machine that did not see it, NaN where all did.
    """
    held = [folds == fold for fold in np.unique(folds[folds >= 0])]
    few = np.random.default_rng(seed).permutation(len(labels)) < COMPETE_ROWS
    competing = [place & few if (place & few).any() else place for place in held[:COMPETE]]
    prepared = [Prepared.of(values, labels, ~place & few, head.outputs, seed) for place in held[:COMPETE]]

    def loss(setting: tuple[float, float]) -> float:
        losses = []
        for part, place in zip(prepared, competing, strict=True):
            rows = np.flatnonzero(place)
            answers = predicted(part.fit(*setting), values[rows])
            losses.append(np.asarray(head.loss(labels[rows].astype(np.float32), answers)))
        return float(np.concatenate(losses).mean())

    setting = min(itertools.product(WIDTHS, LOOSENESS), key=loss)
    scores = np.full((len(labels), head.outputs), np.nan)
    for place in held:
        machine = Prepared.of(values, labels, ~place, head.outputs, seed).fit(*setting)
        scores[place] = predicted(machine, values[place])
    if len(held) > 1:
        machine = Prepared.of(values, labels, np.ones(len(labels), bool), head.outputs, seed).fit(*setting)
    return machine, scores


@dataclass(frozen=True)
class Prepared:
    """Rows to fit, standardised.

    Attributes:
        centre: See `KernelMachine`.
        spread: See `KernelMachine`.
        rows: `(rows, features)`.
        labels: `(rows,)`.
        outputs: Of the machine.
        seed: Draws landmarks.
    """

    centre: np.ndarray
    spread: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    outputs: int
    seed: int

    @classmethod
    def of(
        cls, values: np.ndarray, labels: np.ndarray, fitted: np.ndarray, outputs: int, seed: int
    ) -> Prepared:
        """Those rows of all that are to be fitted.

        Args:
            values: `(rows, features)`.
            labels: `(rows,)`.
            fitted: `(rows,)` a mask.
            outputs: Of the machine.
            seed: Draws landmarks.
        """
        roots = _roots(values[fitted])
        centre, spread = roots.mean(axis=0), np.hypot(roots.std(axis=0), LEAST_SPREAD)
        rows = np.clip((roots - centre) / spread, -FARTHEST, FARTHEST)
        return cls(centre, spread, rows, labels[fitted], outputs, seed)

    def fit(self, width: float, looseness: float) -> KernelMachine:
        """The machine of a setting.

        Args:
            width: Of the exponent, times the number of columns.
            looseness: The inverse of the penalty.
        """
        count = min(LANDMARKS, len(self.rows))
        width = width / self.rows.shape[1]
        kernel = Nystroem(gamma=width, n_components=count, random_state=self.seed).fit(self.rows)
        present = np.unique(self.labels)
        weights = np.zeros((count, self.outputs))
        bias = np.full(self.outputs, NEVER)
        if len(present) == 1:
            bias[:] = np.where(np.arange(max(self.outputs, 2))[-self.outputs :] == present[0], -NEVER, NEVER)
        else:
            model = LogisticRegression(C=looseness, max_iter=MOST_STEPS, tol=TOLERANCE)
            with warnings.catch_warnings():
                # It is judged by held-out rows, whether it converged or not.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(kernel.transform(self.rows), self.labels)
            coefficients, intercepts = model.coef_, model.intercept_
            if self.outputs > 1 and len(present) == 2:
                coefficients = np.concatenate([-coefficients, coefficients]) / 2
                intercepts = np.concatenate([-intercepts, intercepts]) / 2
            place = present if self.outputs > 1 else np.array([0])
            weights[:, place] = kernel.normalization_.T @ coefficients.T
            bias[place] = intercepts
        return KernelMachine(self.centre, self.spread, np.array(width), kernel.components_, weights, bias)


def predicted(machine: KernelMachine, values: np.ndarray) -> np.ndarray:
    """`(rows, outputs)` probabilities, as `KernelMachine.scorer` gives them."""
    standard = np.clip((_roots(values) - machine.centre) / machine.spread, -FARTHEST, FARTHEST)
    distances = (standard**2).sum(axis=1)[:, None] + (machine.landmarks**2).sum(axis=1)
    distances -= 2.0 * standard @ machine.landmarks.T
    logits = np.exp(-machine.width * distances) @ machine.weights + machine.bias
    answers: np.ndarray = expit(logits) if logits.shape[1] == 1 else softmax(logits, axis=1)
    return answers


def _roots(values: np.ndarray) -> np.ndarray:
    roots: np.ndarray = values / np.sqrt(np.abs(values) + SMOOTH)
    return roots
