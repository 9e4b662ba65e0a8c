"""The baseline of texts: a linear one-vs-rest model of TF-IDF, on raw strings.

Squared hinge losses (R.-E. Fan et al., "LIBLINEAR", JMLR 9, 2008); margins become probabilities by a
temperature. Fits that do not see a fold choose how strong it is and the temperature; the model that is
exported saw all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from scipy import sparse

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import TEXT
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.folds import among_all, drawn, fold_codes, parted
from solutionkit.models.heads import Head
from solutionkit.models.search import Trial
from solutionkit.models.tempering import best_temperature
from solutionkit.models.text.explaining import EXPLAINER, save_nothing
from solutionkit.models.text.features import Linear, learned_blocks, matrix
from solutionkit.models.trained import TrainedModel
from solutionkit.progress import Progress

Rows: TypeAlias = sparse.csr_matrix | np.ndarray
# Inverse penalties that compete, by so many folds.
STRENGTHS, COMPETE = (0.3, 1.0), 2
# Texts times classes times fits; and texts that are learned from, and that are held out from that, at most:
# their n-grams take some ten kilobytes each.
MOST_MARGINS, MOST_READ, MOST_HELD_OUT = 20_000_000, 60_000, 20_000
# Margins of one are no log odds of one: temperatures divide, and none is below one.
STEEP = 10.0


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the baseline of texts.

    Args:
        train: Texts to fit.
        validation: Texts that choose the penalty and the temperature.
        spec: What the columns are.
        training: Seed and preset.
    """
    head = spec.task.head(train.label)
    chosen = drawn(len(train), MOST_READ, training.seed)
    known = drawn(len(validation), MOST_HELD_OUT, training.seed)
    rows = train.take(chosen).joined(validation.take(known))
    texts = rows.inputs[TEXT]
    blocks = learned_blocks(texts, head.outputs)
    blocks_of = matrix(texts, blocks)
    everything = sparse.hstack(blocks_of, "csr")
    folds = fold_codes(rows, training, training.leisure * MOST_MARGINS / head.outputs)
    found = learned(everything, rows.label, folds, head, training.seed)
    bounds = np.cumsum([0, *(part.shape[1] for part in blocks_of)])
    weights = [found.weights[first:last].astype(np.float32) for first, last in pairwise(bounds)]
    linear = Linear(blocks, weights, found.weights[-1].astype(np.float32))

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        return head.answers(linear.raw(columns[TEXT]))

    train_scores, scores = parted(found.held_out, len(chosen))
    train_scores = among_all(train_scores, chosen, len(train))
    if len(known) < len(validation):
        # The first fit is the one that saw none of them.
        parts = [
            margins(sparse.hstack(matrix(some, blocks), "csr"), found.bag[0])
            for some in np.array_split(validation.inputs[TEXT], -(-len(validation) // MOST_HELD_OUT))
        ]
        scores = np.asarray(head.answers(np.concatenate(parts) / np.float32(found.temperature)), np.float64)
    facts: dict[str, Any] = {
        "algorithm": "a linear one-vs-rest model of TF-IDF of words and characters",
        "rows": len(rows),
        **linear.facts,
        **found.facts,
    }
    return TrainedModel(score, scores, save_nothing, EXPLAINER, facts, train_scores=train_scores)


@dataclass(frozen=True)
class Learned:
    """What was learned of all rows, with what fits said that did not see a fold.

    Attributes:
        weights: `(features + 1, outputs)`, the bias last; what they give are logits.
        held_out: `(rows, outputs)` what a fit says that did not see the row, NaN where each saw it.
        bag: `(features + 1, outputs)` of each such fit, before the temperature.
        temperature: What their raw values are divided by.
        facts: What to tell of it.
    """

    weights: np.ndarray
    held_out: np.ndarray
    bag: list[np.ndarray]
    temperature: float
    facts: dict[str, Any]


def learned(rows: Rows, labels: np.ndarray, folds: np.ndarray, head: Head, seed: int) -> Learned:
    """Fits that do not see a fold choose penalty and temperature; then all rows are learned from.

    Args:
        rows: `(rows, features)`.
        labels: `(rows,)` class ids.
        folds: `(rows,)` codes of rows that are held out together, negative for such as never are.
        head: How many outputs there are.
        seed: Of the order in which rows are seen.
    """
    held = [folds == fold for fold in np.unique(folds[folds >= 0])]
    progress = Progress(len(STRENGTHS) * len(held[:COMPETE]) + len(held[COMPETE:]) + 1)

    def fit(place: np.ndarray, strength: float) -> np.ndarray:
        found = fitted(rows[~place], labels[~place], head, strength, seed)
        progress.step()
        return found

    trials, least = [], np.inf
    for strength in STRENGTHS:
        fits = [fit(place, strength) for place in held[:COMPETE]]
        true = np.concatenate([labels[place] for place in held[:COMPETE]])
        raw = np.concatenate([margins(rows[place], item) for place, item in zip(held, fits, strict=False)])
        loss = tempered_loss(head, true, raw)
        trials.append(Trial({"strength": strength}, loss))
        if loss < least:
            least, best, bag = loss, strength, fits
    bag = [*bag, *(fit(place, best) for place in held[COMPETE:])]
    raw = np.full((len(labels), head.outputs), np.nan, np.float32)
    for place, item in zip(held, bag, strict=True):
        raw[place] = margins(rows[place], item)
    told = ~np.isnan(raw).any(axis=1)
    temperature = best_temperature(head, labels[told], raw[told][:, None, :])
    held_out = np.full(raw.shape, np.nan)
    held_out[told] = np.asarray(head.answers(raw[told] / np.float32(temperature)))
    whole = fit(np.zeros(len(labels), bool), best) * (STEEP / temperature)
    facts = {
        "strength": best,
        **({"fits": len(bag)} if len(bag) > 1 else {}),
        "trials": [trial.facts for trial in trials],
    }
    return Learned(whole, held_out, bag, temperature, facts)


def fitted(rows: Rows, labels: np.ndarray, head: Head, strength: float, seed: int) -> np.ndarray:
    """`(features + 1, outputs)` weights, the bias last.

    Args:
        rows: `(rows, features)`.
        labels: `(rows,)` class ids.
        head: How many outputs there are.
        strength: The inverse penalty.
        seed: Of the order in which rows are seen.
    """
    from sklearn.svm import LinearSVC

    found = np.zeros((rows.shape[1] + 1, head.outputs))
    # A class that no row is of lies on the wrong side of everything.
    found[-1] = -1.0
    classes = np.unique(labels)
    if len(classes) < 2:
        found[-1, classes[0] if head.outputs > 1 else 0] = 1.0 if head.outputs > 1 or classes[0] else -1.0
        return found
    model = LinearSVC(C=strength, random_state=seed).fit(rows, labels)
    weights = np.concatenate([model.coef_, model.intercept_[:, None]], axis=1).T
    if head.outputs == 1:
        return weights
    if len(classes) == 2:
        weights = np.concatenate([-weights, weights], axis=1)
    found[:, classes] = weights
    return found


def margins(rows: Rows, weights: np.ndarray) -> np.ndarray:
    """`(rows, outputs)` float32, steepened."""
    found: np.ndarray = (STEEP * (rows @ weights[:-1] + weights[-1])).astype(np.float32)
    return found


def tempered_loss(head: Head, labels: np.ndarray, raw: np.ndarray) -> float:
    """The mean log loss of `(rows, outputs)` raw values at their best temperature."""
    temperature = best_temperature(head, labels, raw[:, None, :])
    answers = head.answers(raw / np.float32(temperature))
    return float(np.mean(head.loss(labels.astype(np.float32), answers)))
