"""Heads side by side, and labels that a row lacks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.models.heads import BinaryHead
from solutionkit.models.joint_head import JointHead, class_weights, ignorance
from solutionkit.tasks.classification.task import Classification

SPEC = TableSpec(
    Classification("ill", ("no", "yes")), (), further=(Classification("level", ("dark", "usual", "light")),)
)
LABELS = np.array([[0, 2], [1, -1], [1, 0], [0, 1]])
RAW = np.random.default_rng(0).normal(0.0, 2.0, (4, 4)).astype(np.float32)


def test_one_label_alone_is_its_own_head() -> None:
    joint = JointHead.of(TableSpec(SPEC.task, ()), LABELS[:, :1])
    alone = BinaryHead(LABELS[:, 0])
    answers = np.asarray(joint.answers(RAW[:, :1]))
    np.testing.assert_array_equal(answers, alone.answers(RAW[:, :1]))
    expected = alone.loss(LABELS[:, 0].astype(np.float32), answers)
    np.testing.assert_allclose(joint.loss(LABELS[:, :1], answers), expected, rtol=1e-6)


def test_probabilities_of_each_label_stand_side_by_side() -> None:
    joint = JointHead.of(SPEC, LABELS)
    assert (joint.outputs, joint.places) == (4, [slice(0, 1), slice(1, 4)])
    answers = np.asarray(joint.answers(RAW))
    np.testing.assert_allclose(answers[:, 0], 1.0 / (1.0 + np.exp(-RAW[:, 0])), rtol=1e-5)
    np.testing.assert_allclose(answers[:, 1:].sum(axis=1), 1.0, rtol=1e-5)


def test_what_a_row_lacks_counts_for_nothing() -> None:
    joint = JointHead.of(SPEC, LABELS)
    answers = np.asarray(joint.answers(RAW))
    other = RAW.copy()
    other[1, 1:] = 9.0
    assert joint.loss(LABELS, answers)[1] == pytest.approx(-np.log(answers[1, 0]), rel=1e-5)
    np.testing.assert_allclose(
        joint.loss(LABELS, np.asarray(joint.answers(other))), joint.loss(LABELS, answers), rtol=1e-6
    )
    lesson, logits = joint.lesson(joint.weights(LABELS)), tf.Variable(RAW)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(lesson(tf.constant(LABELS), logits))
    slopes = tape.gradient(loss, logits).numpy()
    assert (slopes[1, 1:] == 0.0).all()
    assert (slopes[[0, 2, 3]] != 0.0).all()
    assert slopes[1, 0] != 0.0


def test_the_lesson_is_keras_own_loss_with_weights_of_classes() -> None:
    joint = JointHead.of(TableSpec(SPEC.task, ()), LABELS[:, :1])
    weights = joint.weights(LABELS[:, :1])
    own = keras.losses.BinaryCrossentropy(from_logits=True)
    expected = own(
        LABELS[:, :1].astype(np.float32),
        RAW[:, :1],
        sample_weight=weights[0][LABELS[:, 0]].astype(np.float32),
    )
    said = tf.reduce_mean(joint.lesson(weights)(tf.constant(LABELS[:, :1]), tf.constant(RAW[:, :1])))
    assert float(said) == pytest.approx(float(expected), rel=1e-6)


def test_rare_classes_weigh_more_but_not_all() -> None:
    weights = class_weights(np.repeat([0, 1], [900, 100]), 2)
    assert weights[1] / weights[0] == pytest.approx(3.0)
    assert weights[0] * 0.9 + weights[1] * 0.1 == pytest.approx(1.0)
    assert class_weights(np.zeros(0, np.int64), 3).shape == (3,)


def test_who_knows_nothing_loses_the_entropy() -> None:
    assert ignorance(np.array([[0], [1]])) == pytest.approx(np.log(2.0))
    # The second label is known of one row alone, and always the same.
    assert ignorance(np.array([[0, 1], [1, -1]])) == pytest.approx((np.log(2.0) / 2 + np.log(2.0)) / 2)
