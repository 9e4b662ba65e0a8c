"""The simple model: what each column adds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.explain.additive import AdditiveExplanation
from solutionkit.kinds import Feature
from solutionkit.models.additive import fit_additive, train
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.heads import BinaryHead, ValueHead
from solutionkit.ranks import roc_auc
from solutionkit.tasks.classification.task import Classification
from solutionkit.tasks.regression.task import Regression

SPEC = TableSpec(
    Classification("y", ("0", "1")),
    (
        Feature("bent", "numeric"),
        Feature("gaps", "numeric"),
        Feature("city", "categorical"),
        Feature("steps", "sequence", shape=(3, 2)),
    ),
)


def log_odds(inputs: dict[str, np.ndarray]) -> np.ndarray:
    bent = np.abs(inputs["numeric"][:, 0]) * 2.0
    gaps = np.where(np.isnan(inputs["numeric"][:, 1]), 1.5, 0.0)
    result: np.ndarray = bent + gaps + (inputs["categorical"][:, 0] == 2) + inputs["sequence"][:, 0, 0] - 2.5
    return result


def drawn(rows: int, seed: int) -> TransformedSplit:
    random = np.random.default_rng(seed)
    numeric = random.normal(size=(rows, 2)).astype(np.float32)
    numeric[random.random(rows) < 0.3, 1] = np.nan
    inputs = {
        "numeric": numeric,
        "categorical": random.integers(0, 4, (rows, 1)),
        "sequence": random.normal(size=(rows, 3, 2)).astype(np.float32),
    }
    labels = (random.random(rows) < 1 / (1 + np.exp(-log_odds(inputs)))).astype(np.int64)
    return TransformedSplit(inputs, labels, np.arange(rows) % 4 + 1)


TRAIN, VALIDATION = drawn(3000, 0), drawn(800, 1)


@pytest.mark.parametrize("preset", ["quick", "standard"])
def test_bends_gaps_levels_and_steps_are_learned(preset: str) -> None:
    found = train(TRAIN, VALIDATION, SPEC, Training(preset=preset))
    unseen = drawn(4000, 2)
    batch = {name: tf.constant(values) for name, values in unseen.inputs.items()}
    said = found.score(batch).numpy()[:, 0]
    best = roc_auc(unseen.label > 0, log_odds(unseen.inputs))
    assert roc_auc(unseen.label > 0, said) > best - 0.012
    assert (found.train_scores is None) == (preset == "quick")
    assert found.facts.get("fits", 1) == (5 if preset == "standard" else 1)


def test_the_same_seed_gives_the_same_model() -> None:
    first, second = (train(TRAIN, VALIDATION, SPEC, Training()) for _ in range(2))
    np.testing.assert_array_equal(first.validation_scores, second.validation_scores)


def test_what_was_never_seen_adds_nothing_or_what_the_ends_add() -> None:
    found = train(TRAIN, VALIDATION, SPEC, Training())

    def said(city: int, bent: float) -> float:
        batch = {
            "numeric": tf.constant([[bent, 0.0]]),
            "categorical": tf.constant([[city]], tf.int64),
            "sequence": tf.zeros([1, 3, 2]),
        }
        return float(found.score(batch).numpy()[0, 0])

    levels = [said(city, 1.0) for city in range(4)]
    assert min(levels) < said(99, 1.0) < max(levels)
    assert said(99, 1.0) == said(-1, 1.0)
    assert said(0, 50.0) == said(0, 1e30) == said(0, np.inf)


def test_contributions_are_exact_and_a_sequence_is_one_column(tmp_path: Path) -> None:
    found = train(TRAIN, VALIDATION, SPEC, Training())
    found.save_for_explanation(tmp_path)
    explainer = AdditiveExplanation(tmp_path, SPEC)
    rows = drawn(50, 3)
    told = explainer.explain(rows, np.zeros(50, np.int64))
    assert told.values.shape == (50, 4)
    assert np.abs(told.residual).max() < 1e-4
    odds = np.log(1 / found.score({n: tf.constant(v) for n, v in rows.inputs.items()}).numpy()[:, 0] - 1)
    np.testing.assert_allclose(told.output, -odds, atol=1e-3)
    # A column's contribution hangs on its own value alone.
    other = {**rows.inputs, "categorical": np.zeros((50, 1), np.int64)}
    again = explainer.explain(TransformedSplit(other, rows.label), np.zeros(50, np.int64))
    np.testing.assert_allclose(told.values[:, [0, 1, 3]], again.values[:, [0, 1, 3]], atol=1e-6)
    assert told.reliability is not None


def test_numbers_are_told_in_their_unit() -> None:
    random = np.random.default_rng(0)
    numbers = random.normal(size=(2000, 2)).astype(np.float32)
    price = 250_000.0 + 80_000.0 * numbers[:, 0]
    spec = TableSpec(Regression("price"), (Feature("a", "numeric"), Feature("b", "numeric")))
    rows = TransformedSplit({"numeric": numbers}, price)
    found = train(rows.take(slice(0, 1500)), rows.take(slice(1500, None)), spec, Training())
    error = found.validation_scores[:, 0] - price[1500:]
    assert np.sqrt(np.mean(error**2)) < 0.15 * price.std()


def test_columns_without_values_or_with_one_do_no_harm() -> None:
    numbers = np.full((200, 3), np.nan, np.float32)
    numbers[:, 1] = 3.0
    numbers[:, 2] = np.where(np.arange(200) < 2, 1.0, 0.0)
    labels = np.arange(200) % 2
    model, held_out, _ = fit_additive(
        numbers, np.zeros((200, 0), np.int64), labels, np.arange(200) % 3, BinaryHead(labels), 0
    )
    assert np.isfinite(held_out).all()
    np.testing.assert_allclose(held_out.mean(), 0.5, atol=0.1)
    assert np.isfinite(model.contributions(numbers, np.zeros((200, 0), np.int64))).all()


def test_a_head_says_what_raw_values_lie_about() -> None:
    labels = np.array([10.0, 20.0, 30.0])
    head = ValueHead(labels)
    assert (head.offset, head.scale) == (20.0, pytest.approx(labels.std()))
    assert (BinaryHead(np.array([0, 1])).offset, BinaryHead(np.array([0, 1])).scale) == (0.0, 1.0)


def test_numbers_without_end_do_not_spoil_a_row() -> None:
    """Columns of few values have fewer pieces than others, and a client may send anything."""
    numbers = np.stack([np.arange(400) % 2, np.linspace(0, 1, 400)], axis=1).astype(np.float32)
    numbers[:2, 0] = [-3.4e38, 3.4e38]
    labels = np.arange(400) % 2
    none = np.zeros((400, 0), np.int64)
    model, held_out, _ = fit_additive(numbers, none, labels, np.arange(400) % 3, BinaryHead(labels), 0)
    assert np.isfinite(held_out).all()
    odd = np.array([[np.inf, 0.5], [-np.inf, np.inf], [1e38, -3e38]], np.float32)
    assert np.isfinite(model.raw(tf.constant(odd), tf.zeros([3, 0], tf.int64)).numpy()).all()
