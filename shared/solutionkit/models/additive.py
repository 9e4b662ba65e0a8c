"""The simple model: what each column adds, in straight pieces of a number and a level a category.

A generalised additive model (T. Hastie and R. Tibshirani, 1990) is what a practitioner begins with: logistic
or linear regression on the numbers' splines. Knots lie at quantiles, the rise of each piece and each level
are penalised, and how much competes by the loss of held-out rows. A mean of such models is one of its kind,
so a bag is as small and as fast as a single fit, and what each column contributes is read off exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import optimize, sparse

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import CATEGORICAL, NUMERIC, SEQUENCE
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.explanation_files import save_drawn_rows
from solutionkit.models.folds import fold_codes, parted
from solutionkit.models.heads import Head
from solutionkit.models.search import Trial
from solutionkit.models.trained import TrainedModel
from solutionkit.progress import Progress

ADDITIVE_FILE = "additive.npz"
EXPLAINER = "solutionkit.explain.additive:AdditiveExplanation"
PIECES = 8
# Of the mean loss; what competes, and by so many folds.
PENALTIES, COMPETE = (1e-2, 1e-3, 1e-4, 1e-5), 2
# Rows that one fit reads at most, and rows of all fits together; and rows that are encoded at once.
MOST_ROWS, MOST_OF_ALL, AT_ONCE = 100_000, 2_000_000, 4096
# Numbers beyond count as this, so that differences stay finite in single precision.
LARGEST = 1e37
MOST_STEPS, LEAST_FALL = 200, 1e-6


@dataclass(frozen=True)
class Additive:
    """What each column adds to the raw outputs.

    Attributes:
        starts: `(numbers, pieces)` where each piece begins; at `LARGEST` where a column has fewer.
        widths: `(numbers, pieces)`.
        rises: `(numbers, pieces + 1, outputs)` what a piece adds from end to end, and at last what is added
            where the number is missing.
        firsts: `(categories' columns,)` where each column's levels begin.
        counts: `(categories' columns,)` how many levels it has; what is none of them adds nothing.
        levels: `(levels + 1, outputs)`, at last of what is none.
        base: `(outputs,)`.
    """

    starts: np.ndarray
    widths: np.ndarray
    rises: np.ndarray
    firsts: np.ndarray
    counts: np.ndarray
    levels: np.ndarray
    base: np.ndarray

    def raw(self, numbers: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        """`(batch, outputs)` of `(batch, numbers)` and `(batch, categories' columns)`, by TensorFlow ops."""
        total = tf.linalg.matmul(
            self.encoded(numbers), tf.constant(self.rises.reshape(-1, len(self.base)), tf.float32)
        )
        if len(self.counts):
            levels = tf.gather(tf.constant(self.levels, tf.float32), self.places(ids))
            total += tf.reduce_sum(levels, axis=1)
        return total + tf.constant(self.base, tf.float32)

    def encoded(self, numbers: tf.Tensor) -> tf.Tensor:
        """`(batch, numbers * (pieces + 1))`: how much of each piece lies below, and whether it is missing."""
        missing = tf.math.is_nan(numbers)
        known = tf.where(missing, -LARGEST, tf.clip_by_value(numbers, -LARGEST, LARGEST))
        share = (known[:, :, None] - self.starts.astype(np.float32)) / self.widths.astype(np.float32)
        pieces = tf.concat(
            [tf.clip_by_value(share, 0.0, 1.0), tf.cast(missing, tf.float32)[:, :, None]], axis=2
        )
        return tf.reshape(pieces, [-1, math.prod(pieces.shape[1:])])

    def places(self, ids: tf.Tensor) -> tf.Tensor:
        """`(batch, categories' columns)` rows of `levels`."""
        ids = tf.cast(ids, tf.int64)
        known = (ids >= 0) & (ids < self.counts)
        return tf.where(known, ids + self.firsts, len(self.levels) - 1)

    def contributions(self, numbers: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """`(rows, numbers and categories' columns, outputs)`: with the base, the raw outputs."""
        encoded = self.encoded(tf.constant(numbers, tf.float32)).numpy()
        of_numbers = np.einsum(
            "rcp,cpo->rco", encoded.reshape(len(numbers), *self.rises.shape[:2]), self.rises
        )
        of_categories = self.levels[self.places(tf.constant(ids)).numpy()]
        return np.concatenate([of_numbers, of_categories], axis=1)

    def save(self, folder: Path) -> None:
        """Write it, without pickle."""
        np.savez(folder / ADDITIVE_FILE, **vars(self))


def load_additive(folder: Path) -> Additive:
    """What `Additive.save` wrote."""
    with np.load(folder / ADDITIVE_FILE) as stored:
        return Additive(**{name: stored[name] for name in stored.files})


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the simple model of a table.

    Args:
        train: Rows to fit.
        validation: Rows that choose the penalty.
        spec: What the columns are.
        training: Seed and preset.
    """
    head = spec.task.head(train.label)
    rows = train.joined(validation)
    folds = fold_codes(rows, training, training.leisure * MOST_OF_ALL)
    additive, held_out, facts = fit_additive(
        numbers_of(rows), rows.of(CATEGORICAL), rows.label, folds, head, training.seed
    )

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        size = tf.shape(next(iter(columns.values())))[0]
        parts = [tf.zeros([size, 0])]
        parts += [columns[NUMERIC]] if NUMERIC in columns else []
        if SEQUENCE in columns:
            steps = columns[SEQUENCE]
            parts.append(tf.reshape(steps, [-1, math.prod(steps.shape[1:])]))
        ids = columns.get(CATEGORICAL, tf.zeros([size, 0], tf.int64))
        return head.answers(additive.raw(tf.concat(parts, axis=1), ids))

    def save_for_explanation(folder: Path) -> None:
        additive.save(folder)
        save_drawn_rows(folder, train, training.seed)

    train_scores, scores = parted(held_out, len(train))
    return TrainedModel(score, scores, save_for_explanation, EXPLAINER, facts, train_scores=train_scores)


def numbers_of(arrays: TransformedSplit) -> np.ndarray:
    """`(rows, numbers)` float32: numbers, then the steps of a sequence side by side."""
    steps = arrays.of(SEQUENCE)
    steps = steps.reshape(len(arrays), math.prod(steps.shape[1:]))
    return np.concatenate([arrays.of(NUMERIC), steps], axis=1, dtype=np.float32)


def fit_additive(
    numbers: np.ndarray,
    ids: np.ndarray,
    labels: np.ndarray,
    folds: np.ndarray,
    head: Head,
    seed: int,
    pieces: int = PIECES,
) -> tuple[Additive, np.ndarray, dict[str, Any]]:
    """For each fold a model that did not see it, together as one.

    Args:
        numbers: `(rows, numbers)`, NaN where missing.
        ids: `(rows, categories' columns)`.
        labels: `(rows,)` as the task encodes them.
        folds: `(rows,)` which are held out together; rows of -1 never are.
        head: How the task is learned.
        seed: Of the rows that are drawn where there are too many.
        pieces: A number's, at most.

    Returns:
        The mean of the models; `(rows, outputs)` scores of each row by the model that did not see it, NaN
        where all did; and what to tell of it.
    """
    empty = _empty(numbers, ids, head, pieces)
    learner = _Learner(empty, head)
    held = [folds == fold for fold in np.unique(folds[folds >= 0])]
    progress = Progress(len(PENALTIES) * len(held[:COMPETE]) + len(held[COMPETE:]))
    random = np.random.default_rng(seed)

    def fit(place: np.ndarray, penalty: float) -> Additive:
        rows = np.flatnonzero(~place)
        rows = rows if len(rows) <= MOST_ROWS else np.sort(random.permutation(rows)[:MOST_ROWS])
        found = learner.fit(numbers[rows], ids[rows], labels[rows], penalty)
        progress.step()
        return found

    def scores(model: Additive, rows: np.ndarray) -> np.ndarray:
        parts = [
            head.answers(model.raw(tf.constant(numbers[piece], tf.float32), tf.constant(ids[piece])))
            for piece in np.array_split(rows, -(-len(rows) // AT_ONCE))
        ]
        return np.concatenate(parts).astype(np.float64)

    trials, least, bag = [], np.inf, []
    for penalty in PENALTIES:
        fits = [fit(place, penalty) for place in held[:COMPETE]]
        losses = [
            np.mean(head.loss(labels[place].astype(np.float32), scores(model, np.flatnonzero(place))))
            for place, model in zip(held, fits, strict=False)
        ]
        loss = float(np.average(losses, weights=[place.sum() for place in held[:COMPETE]]))
        trials.append(Trial({"penalty": penalty}, loss))
        if loss >= least:
            break
        least, chosen, bag = loss, penalty, fits
    bag = [*bag, *(fit(place, chosen) for place in held[COMPETE:])]
    held_out = np.full((len(labels), head.outputs), np.nan)
    for place, model in zip(held, bag, strict=True):
        held_out[place] = scores(model, np.flatnonzero(place))
    mean = {name: np.mean([vars(model)[name] for model in bag], axis=0) for name in LEARNED}
    whole = replace(empty, **mean)
    facts: dict[str, Any] = {
        "algorithm": "an additive model",
        "penalty": chosen,
        "parameters": whole.rises.size + whole.levels.size + whole.base.size,
        **({"fits": len(bag)} if len(bag) > 1 else {}),
        "trials": [trial.facts for trial in trials],
    }
    return whole, held_out, facts


LEARNED = ("rises", "levels", "base")


def _empty(numbers: np.ndarray, ids: np.ndarray, head: Head, pieces: int) -> Additive:
    """A model that adds nothing yet, with its knots and levels."""
    starts, widths = np.full((numbers.shape[1], pieces), LARGEST), np.ones((numbers.shape[1], pieces))
    for column, values in enumerate(numbers.T):
        known = np.clip(values[~np.isnan(values)].astype(np.float64), -LARGEST, LARGEST)
        knots = np.unique(np.quantile(known, np.linspace(0.01, 0.99, pieces + 1))) if len(known) else known
        if len(knots) == 1:
            # Nearly always the same: only whether it is more than that, or less.
            knots = np.unique([known.min(), knots[0], known.max()])
        wide = np.diff(knots) > np.finfo(np.float32).tiny
        count = int(wide.sum())
        starts[column, :count], widths[column, :count] = knots[:-1][wide], np.diff(knots)[wide]
    counts = ids.max(axis=0, initial=-1).astype(np.int64) + 1
    return Additive(
        starts,
        widths,
        np.zeros((numbers.shape[1], pieces + 1, head.outputs)),
        np.cumsum(counts) - counts,
        counts,
        np.zeros((int(counts.sum()) + 1, head.outputs)),
        np.full(head.outputs, head.offset),
    )


class _Learner:
    """Fits by L-BFGS (D. Liu, J. Nocedal, Mathematical Programming 45, 1989).

    Args:
        empty: A model that adds nothing yet.
        head: How the task is learned.
    """

    def __init__(self, empty: Additive, head: Head) -> None:
        self._empty, self._head = empty, head
        signature = [tf.TensorSpec([None, head.outputs]), tf.TensorSpec([None])]
        # One graph for all fits.
        self._loss_and_gradient = tf.function(self._loss, signature, autograph=False)

    def fit(self, numbers: np.ndarray, ids: np.ndarray, labels: np.ndarray, penalty: float) -> Additive:
        """The least penalised mean loss.

        Args:
            numbers: `(rows, numbers)`, NaN where missing.
            ids: `(rows, categories' columns)`.
            labels: `(rows,)` as the task encodes them.
            penalty: On the squares of rises and levels.
        """
        design, head = self._design(numbers, ids), self._head
        turned, target = design.T.tocsr(), tf.constant(labels, tf.float32)
        size = (design.shape[1], head.outputs)

        def value(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights, base = flat[: math.prod(size)].reshape(size), flat[math.prod(size) :]
            raw = head.offset + head.scale * (design @ weights + base)
            loss, slope = self._loss_and_gradient(tf.constant(raw, tf.float32), target)
            slope = head.scale * slope.numpy().astype(np.float64)
            gradient = turned @ slope + 2.0 * penalty * weights
            penalised = float(loss) + penalty * float((weights**2).sum())
            return penalised, np.concatenate([gradient.ravel(), slope.sum(axis=0)])

        start = np.zeros(math.prod(size) + head.outputs)
        found = optimize.minimize(
            value, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS, "ftol": LEAST_FALL}
        )
        weights = head.scale * found.x[: math.prod(size)].reshape(size)
        rises, levels = np.split(weights, [math.prod(self._empty.rises.shape[:2])])
        return replace(
            self._empty,
            rises=rises.reshape(self._empty.rises.shape),
            levels=np.concatenate([levels, np.zeros((1, head.outputs))]),
            base=head.offset + head.scale * found.x[math.prod(size) :],
        )

    def _design(self, numbers: np.ndarray, ids: np.ndarray) -> sparse.csr_matrix:
        """`(rows, pieces and levels)`."""
        encoded = [
            sparse.csr_matrix(self._empty.encoded(tf.constant(numbers[start : start + AT_ONCE], tf.float32)))
            for start in range(0, len(numbers), AT_ONCE)
        ]
        places = self._empty.places(tf.constant(ids)).numpy()
        levels = len(self._empty.levels) - 1
        rows, columns = np.nonzero(places < levels)
        ones = (np.ones(len(rows)), (rows, places[rows, columns]))
        found: sparse.csr_matrix = sparse.hstack(
            [sparse.vstack(encoded), sparse.csr_matrix(ones, (len(ids), levels), np.float32)], "csr"
        )
        return found

    def _loss(self, raw: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(raw)
            loss = tf.reduce_mean(self._head.loss(target, self._head.answers(raw)))
        return loss, tape.gradient(loss, raw)
