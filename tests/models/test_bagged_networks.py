"""What fits side by side are penalised for."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy.special import expit

from solutionkit.models.bagged_networks import bag_loss
from solutionkit.models.heads import BinaryHead, ClassesHead, Head
from solutionkit.models.tempering import ensemble_answers


def ensemble_loss(head: Head, label: np.ndarray, raw: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(head.loss(label, ensemble_answers(head, raw)))


def members_loss(head: Head, label: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """The loss of one fit that may see all rows."""
    target = np.stack([label, np.full(len(label), -1)], axis=1).astype(np.float32)[:, :, None]
    return ops.convert_to_numpy(bag_loss(head, 1)(target, ops.convert_to_tensor(raw)))


def test_a_fit_learns_nothing_from_its_own_fold() -> None:
    head = BinaryHead(np.array([0, 1]))
    raw = tf.Variable(np.full((3, 2, 1), 0.3, np.float32))
    target = np.array([[1, 0], [1, 1], [1, -1]], np.float32)[:, :, None]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(bag_loss(head, 2)(target, raw))
    slopes = tape.gradient(total, raw).numpy()[:, :, 0]
    assert (slopes == 0).tolist() == [[True, False], [False, True], [False, False]]


def test_losses() -> None:
    logits = np.array([[[0.0], [2.0]], [[-1.0], [50.0]]], np.float32)
    label = np.array([1, 0])
    head = BinaryHead(np.array([0, 1]))
    probability = expit(logits[..., 0].astype(float))
    np.testing.assert_allclose(
        ops.convert_to_numpy(ensemble_answers(head, logits))[:, 0], probability.mean(axis=1), atol=1e-6
    )
    each = np.where(label[:, None] == 1, np.logaddexp(0, -logits[..., 0]), np.logaddexp(0, logits[..., 0]))
    np.testing.assert_allclose(members_loss(head, label, logits), each.mean(axis=1), rtol=1e-6)
    mean = probability.mean(axis=1)
    expected = -np.where(label == 1, np.log(mean), np.log(1 - mean))
    np.testing.assert_allclose(ensemble_loss(head, label, logits), expected, rtol=1e-5)


def test_losses_of_several_classes() -> None:
    random = np.random.default_rng(0)
    raw, label = random.normal(size=(5, 2, 3)).astype(np.float32), np.array([0, 1, 2, 1, 0])
    head = ClassesHead(3)
    probability = np.exp(raw) / np.exp(raw).sum(axis=-1, keepdims=True)
    each = -np.log(probability[np.arange(5), :, label])
    np.testing.assert_allclose(members_loss(head, label, raw), each.mean(axis=1), rtol=1e-5)
    whole = -np.log(probability.mean(axis=1)[np.arange(5), label])
    np.testing.assert_allclose(ensemble_loss(head, label, raw), whole, rtol=1e-5)


def test_weighted_loss_leaves_probabilities_as_they_are() -> None:
    """Of all constant logits that of the true share has the least loss, whatever the weight."""
    label = (np.arange(1000) < 10).astype(np.int64)
    grid = np.linspace(-7, -2, 501)
    head = BinaryHead(label)
    for weight in (1.0, 10.0, 100.0):
        head.positive_weight = weight
        losses = [
            float(np.mean(members_loss(head, label, np.full((1000, 1, 1), value, np.float32))))
            for value in grid
        ]
        assert expit(grid[int(np.argmin(losses))]) == pytest.approx(0.01, rel=0.02)
