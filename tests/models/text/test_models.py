"""All models of texts learn what words mean, say probabilities, and answer to anything."""

import importlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import TEXT, Feature
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.text import linear
from solutionkit.models.trained import TrainedModel
from solutionkit.tasks.routing.task import Routing

MODELS = ("bayes", "linear", "network")


def trained(texts: Any, model: str, preset: str = "quick") -> TrainedModel:
    train = importlib.import_module(f"solutionkit.models.text.{model}").train
    found: TrainedModel = train(
        texts.splits["train"],
        texts.splits["validation"],
        texts.spec,
        Training(preset=preset, epochs=12 if model == "network" else None),
    )
    return found


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_words_are_learned_and_anything_is_answered(few_texts: Any, model: str) -> None:
    found = trained(few_texts, model)
    rows = few_texts.splits["eval"]
    said = np.asarray(found.score({TEXT: tf.constant(rows.inputs[TEXT])}))
    assert (said.argmax(axis=1) == rows.label).mean() > 0.95
    held_out = found.validation_scores
    assert held_out.shape == (80, 3)
    assert (held_out.argmax(axis=1) == few_texts.splits["validation"].label).mean() > 0.9
    odd = tf.constant(["", "漢字 \u202e 😀", "x" * 100_000, "word " * 5000, "never seen at all"])
    answers = np.asarray(found.score({TEXT: odd}))
    assert np.isfinite(answers).all()
    assert np.abs(answers.sum(axis=1) - 1.0).max() < 1e-5
    # Alone as among others.
    alone = np.concatenate([found.score({TEXT: odd[place : place + 1]}) for place in range(len(odd))])
    assert np.abs(alone - answers).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("model", ["linear", "network"])
def test_each_fold_is_held_out_from_a_fit(few_texts: Any, model: str) -> None:
    found = trained(few_texts, model, "standard")
    assert found.train_scores is not None
    told = ~np.isnan(found.train_scores).any(axis=1)
    folds = few_texts.splits["train"].fold
    assert set(folds[told]) == ({1, 2, 3} if model == "linear" else {1, 2})
    right = found.train_scores[told].argmax(axis=1) == few_texts.splits["train"].label[told]
    assert right.mean() > 0.9
    assert not np.isnan(found.validation_scores).any()


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_two_classes_have_two_probabilities(few_texts: Any, model: str) -> None:
    def two(rows: TransformedSplit) -> TransformedSplit:
        return rows.take(rows.label < 2)

    spec = TableSpec(Routing("queue", ("billing", "delivery")), (Feature("text", TEXT),))
    texts = type(few_texts)(spec, {name: two(rows) for name, rows in few_texts.splits.items()})
    found = trained(texts, model)
    rows = texts.splits["eval"]
    said = np.asarray(found.score({TEXT: tf.constant(rows.inputs[TEXT])}))
    assert said.shape == (len(rows), 2)
    assert (said.argmax(axis=1) == rows.label).mean() > 0.95


def test_a_class_without_rows_is_never_likeliest() -> None:
    from scipy import sparse

    rows = sparse.csr_matrix(np.eye(6))
    head = Routing("queue", ("a", "b", "c", "d")).head(np.zeros(0))
    weights = linear.fitted(rows, np.array([0, 1, 3, 0, 1, 3]), head, 1.0, 0)
    assert set(linear.margins(rows, weights).argmax(axis=1)) == {0, 1, 3}
    alone = linear.fitted(rows, np.full(6, 2), head, 1.0, 0)
    assert set(linear.margins(rows, alone).argmax(axis=1)) == {2}
    both = linear.fitted(rows, np.array([0, 2, 0, 2, 0, 2]), head, 1.0, 0)
    assert linear.margins(rows, both).argmax(axis=1).tolist() == [0, 2, 0, 2, 0, 2]
