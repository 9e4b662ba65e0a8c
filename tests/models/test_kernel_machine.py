"""The kernel machine: what it learns, that TensorFlow says the same, and odd labels."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from solutionkit.models import kernel_machine
from solutionkit.models.heads import BinaryHead, ClassesHead
from solutionkit.models.kernel_machine import fit_kernel, load_kernel, predicted


def rings(rows: int, seed: int, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Rings around each other, which no straight line parts, and two columns that say nothing."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows)
    turn = random.uniform(0, 2 * np.pi, rows)
    radius = 1.0 + labels + random.normal(0, 0.1, rows)
    columns = [radius * np.cos(turn), radius * np.sin(turn), *random.normal(0, 0.05, (2, rows))]
    return np.stack([np.sign(column) * column**2 for column in columns], axis=1), labels


@pytest.mark.parametrize("classes", [2, 3])
def test_it_parts_rings_and_tensorflow_says_the_same(classes: int, tmp_path: Path) -> None:
    values, labels = rings(400, 0, classes)
    head = BinaryHead(labels) if classes == 2 else ClassesHead(classes)
    machine, held_out = fit_kernel(values, labels, np.arange(400) % 4, head, 0)
    new, expected = rings(200, 1, classes)
    scores = predicted(machine, new)
    found = scores[:, 0] > 0.5 if classes == 2 else scores.argmax(axis=1)
    assert (found == expected).mean() > 0.95
    assert not np.isnan(held_out).any()
    machine.save(tmp_path)
    score = load_kernel(tmp_path).scorer()
    np.testing.assert_allclose(score(tf.constant(new)), scores, atol=1e-6)


def test_rows_of_no_fold_alone_are_fitted_where_there_is_one(tmp_path: Path) -> None:
    values, labels = rings(200, 0)
    folds = np.where(np.arange(200) < 40, 0, -1)
    wrong = labels.copy()
    wrong[:40] = 1 - wrong[:40]
    head = BinaryHead(labels)
    machine, held_out = fit_kernel(values, labels, folds, head, 0)
    other, _ = fit_kernel(values, wrong, folds, head, 0)
    np.testing.assert_array_equal(np.isnan(held_out[:, 0]), folds < 0)
    # Labels of held-out rows choose between settings and are not learned from.
    assert len(machine.landmarks) == len(other.landmarks) == 160
    np.testing.assert_allclose(held_out[:40], predicted(machine, values[:40]))


def test_no_more_landmarks_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_machine, "LANDMARKS", 30)
    values, labels = rings(90, 0)
    machine, _ = fit_kernel(values, labels, np.arange(90) % 2, BinaryHead(labels), 0)
    assert machine.landmarks.shape == (30, 4)


@pytest.mark.parametrize("present", [(1,), (0, 2)], ids=["one", "two of three"])
def test_classes_that_no_fitted_row_has(present: tuple[int, ...]) -> None:
    values, labels = rings(120, 0, 3)
    labels = np.array(present)[labels % len(present)]
    folds = np.where(np.arange(120) < 30, 0, -1)
    _, held_out = fit_kernel(values, labels, folds, ClassesHead(3), 0)
    scores = held_out[:30]
    np.testing.assert_allclose(scores.sum(axis=1), 1.0)
    for absent in set(range(3)) - set(present):
        assert (scores[:, absent] < 1e-6).all()


def test_one_class_alone_of_two() -> None:
    values, _ = rings(60, 0)
    labels = np.ones(60, np.int64)
    _, held_out = fit_kernel(values, labels, np.where(np.arange(60) < 10, 0, -1), BinaryHead(labels), 0)
    assert (held_out[:10] > 0.99).all()
