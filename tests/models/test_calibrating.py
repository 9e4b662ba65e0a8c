"""Probabilities set right on held-out rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, logit, softmax

from solutionkit.models.calibrating import (
    Calibrator,
    Isotonic,
    Scaled,
    Tempered,
    calibrated,
    load_calibrator,
    log_losses,
    save_calibrator,
)
from solutionkit.models.trained import TrainedModel

BINARY = (Scaled, Isotonic)


def trained(outputs: np.ndarray, train: np.ndarray | None = None, probabilities: bool = True) -> TrainedModel:
    def save(folder: Path) -> None:
        del folder

    return TrainedModel(
        lambda columns: columns["numeric"], outputs, save, "", train_scores=train, probabilities=probabilities
    )


def drawn(rows: int, seed: int, sharpen: float = 1.0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and log odds that are too large by a factor and a shift."""
    random = np.random.default_rng(seed)
    odds = random.normal(-1.0, 1.5, rows)
    labels = (random.random(rows) < expit(odds)).astype(np.int64)
    return labels, expit(sharpen * odds + shift)[:, None]


@pytest.mark.parametrize("seed", range(10))
def test_perfect_probabilities_stay_what_they_are(seed: int) -> None:
    labels, outputs = drawn(500, seed)
    found = calibrated(trained(outputs), labels, np.zeros(0), BINARY, 0)
    assert found.validation_scores is outputs
    assert found.facts["calibration"]["method"] == "none"


@pytest.mark.parametrize(("sharpen", "shift"), [(3.0, 0.0), (0.3, 0.0), (1.0, 1.5)])
def test_overconfident_and_shifted_ones_are_set_right(sharpen: float, shift: float) -> None:
    labels, outputs = drawn(2000, 1, sharpen, shift)
    model = calibrated(trained(outputs), labels, np.zeros(0), BINARY, 0)
    unseen, said = drawn(20_000, 2, sharpen, shift)
    served = model.score({"numeric": tf.constant(said, tf.float32)}).numpy()
    perfect = expit((logit(said) - shift) / sharpen)
    before, after, best = (log_losses(unseen, item).mean() for item in (said, served, perfect))
    assert after - best < 0.1 * (before - best)
    # What thresholds are chosen on is what is served.
    again = model.score({"numeric": tf.constant(outputs, tf.float32)}).numpy()
    np.testing.assert_allclose(model.validation_scores, again, atol=1e-6)
    facts = model.facts["calibration"]
    assert facts["after"] < facts["before"]


def test_a_bend_that_no_scale_mends_takes_isotonic_regression() -> None:
    random = np.random.default_rng(0)
    said = random.random(5000)
    labels = (random.random(5000) < np.where(said < 0.5, 0.1, 0.6)).astype(np.int64)
    model = calibrated(trained(said[:, None]), labels, np.zeros(0), BINARY, 0)
    assert model.facts["calibration"]["method"] == "isotonic"
    served = model.score({"numeric": tf.constant([[0.2], [0.8]], tf.float32)}).numpy()[:, 0]
    np.testing.assert_allclose(served, [0.1, 0.6], atol=0.06)


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize("seed", range(20))
def test_what_the_model_tells_apart_stays_apart(kind: type[Calibrator], seed: int) -> None:
    labels, outputs = drawn(300, seed, 2.0)
    grid = np.linspace(0.001, 0.999, 500, dtype=np.float32)[:, None]
    found = kind.fit(labels, outputs)(tf.constant(grid)).numpy()[:, 0]
    assert 0.0 <= found.min() <= found.max() <= 1.0
    assert (np.diff(found.astype(np.float64)) > -1e-6).all()
    # Nowhere a plateau but where rounding ends.
    assert len(np.unique(found)) > 400


@pytest.mark.parametrize("seed", range(20))
def test_a_first_row_that_happens_to_be_positive_does_not_lift_the_others(seed: int) -> None:
    random = np.random.default_rng(seed)
    said = random.random(2000)
    labels = (random.random(2000) < np.where(said < 0.5, 0.07, 0.6)).astype(np.int64)
    found = Isotonic.fit(labels, said[:, None])
    low = found(tf.constant(np.linspace(0.05, 0.45, 50, dtype=np.float32)[:, None])).numpy()
    assert abs(low.mean() - 0.07) < 0.05
    assert abs(found(tf.constant([[0.9]])).numpy()[0, 0] - 0.6) < 0.1


def test_of_a_bag_nothing_is_made_less_sure_and_what_is_too_timid_is_mended() -> None:
    """The mean of fits is less sure than the fits are that told the held-out rows."""
    labels, too_sure = drawn(3000, 0, 1.5)
    alone = calibrated(trained(too_sure[:1000]), labels[:1000], np.zeros(0), BINARY, 0)
    assert alone.facts["calibration"]["method"] != "none"
    bag = calibrated(trained(too_sure[:1000], too_sure[1000:]), labels[:1000], labels[1000:], BINARY, 0)
    assert bag.facts["calibration"]["method"] == "none"
    labels, timid = drawn(3000, 0, 0.5)
    bag = calibrated(trained(timid[:1000], timid[1000:]), labels[:1000], labels[1000:], BINARY, 0)
    assert bag.facts["calibration"]["method"] != "none"


@pytest.mark.parametrize("found", [Scaled(1.5, -0.3), Tempered(0.7), None])
def test_it_is_written_and_read_without_pickle(found: Calibrator | None, tmp_path: Path) -> None:
    labels, outputs = drawn(400, 6)
    found = found or Isotonic.fit(labels, outputs)
    assert load_calibrator(tmp_path) is None
    save_calibrator(tmp_path, found)
    again = load_calibrator(tmp_path)
    assert again is not None
    rows = tf.constant([[0.1, 0.9], [0.4, 0.6]]) if isinstance(found, Tempered) else tf.constant(outputs[:9])
    np.testing.assert_allclose(again(tf.cast(rows, tf.float32)), found(tf.cast(rows, tf.float32)), atol=1e-7)


def test_isotonic_takes_nothing_for_certain() -> None:
    labels, outputs = np.array([0] * 50 + [1] * 50), np.linspace(0.0, 1.0, 100)[:, None]
    found = Isotonic.fit(labels, outputs)(tf.constant([[0.2], [0.9]])).numpy()[:, 0]
    assert 0.0 < found[0] < 0.05
    assert 0.95 < found[1] < 1.0


def test_several_classes_are_tempered() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 1, (3000, 4))
    labels = np.array([random.choice(4, p=row) for row in softmax(logits, axis=1)])
    outputs = softmax(2.5 * logits, axis=1)
    model = calibrated(trained(outputs), labels, np.zeros(0), (Tempered,), 0)
    assert model.facts["calibration"]["method"] == "temperature"
    assert Tempered.fit(labels, outputs).temperature == pytest.approx(2.5, rel=0.1)
    np.testing.assert_allclose(model.validation_scores.sum(axis=1), 1.0, atol=1e-5)


def test_training_rows_that_were_held_out_count_and_others_stay_unknown() -> None:
    labels, outputs = drawn(4000, 4, 0.4)
    train = outputs[1000:].copy()
    train[::3] = np.nan
    model = calibrated(trained(outputs[:1000], train), labels[:1000], labels[1000:], BINARY, 0)
    assert model.train_scores is not None
    assert np.isnan(model.train_scores[::3]).all()
    assert np.isfinite(model.train_scores[1::3]).all()


def test_what_is_no_probability_and_what_has_one_class_stays() -> None:
    labels, outputs = drawn(500, 5, 4.0)
    distances = trained(outputs, probabilities=False)
    assert calibrated(distances, labels, np.zeros(0), BINARY, 0) is distances
    alone = calibrated(trained(outputs), np.zeros(500, np.int64), np.zeros(0), BINARY, 0)
    assert alone.facts["calibration"]["method"] == "none"
    assert "calibration" not in calibrated(trained(outputs), labels, np.zeros(0), (), 0).facts
