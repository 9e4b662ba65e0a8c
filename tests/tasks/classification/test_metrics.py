from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from solutionkit.compare.metrics import difference
from solutionkit.tasks.classification.metrics import CLASSES_VIEW, DETECTION_VIEW, EACH_CLASS_VIEW
from solutionkit.tasks.classification.task import Classification

REFERENCES = {
    "roc_auc": reference.roc_auc_score,
    "average_precision": reference.average_precision_score,
    "log_loss": reference.log_loss,
    "brier": reference.brier_score_loss,
}


BINARY = Classification("y", ("0", "1"))
METRICS = BINARY.metrics()


@pytest.mark.parametrize("name", METRICS)
@given(seed=st.integers(0, 10_000), digits=st.sampled_from([1, 2, 15]))
@settings(max_examples=40, deadline=None)
def test_weighted_values_equal_scikit_learns(name: str, seed: int, digits: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.r_[0, 1, random.integers(0, 2, 40)]
    scores = np.clip(random.random(42).round(digits), 0.01, 0.99)
    weights = random.integers(0, 4, (3, 42)).astype(float)
    weights[:, :2] = 1.0
    found = METRICS[name].function(labels, scores, weights)
    expected = [REFERENCES[name](labels, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert METRICS[name].value(labels, scores[:, None]) == pytest.approx(
        REFERENCES[name](labels, scores), abs=1e-9
    )


def test_directions() -> None:
    assert [name for name, metric in METRICS.items() if metric.higher_is_better] == [
        "roc_auc",
        "average_precision",
    ]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_class_metrics_equal_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.r_[0, 1, 2, random.integers(0, 3, 40)]
    probabilities = random.dirichlet([1.0, 1.0, 1.0], 43)
    weights = random.integers(0, 4, (3, 43)).astype(float)
    weights[:, :3] = 1.0
    metrics = Classification("y", ("a", "b", "c"), has_negative_class=False).metrics()
    assert list(metrics) == ["accuracy", "macro_f1", "class_log_loss"]
    said = probabilities.argmax(axis=1)
    expected = {
        "accuracy": [reference.accuracy_score(labels, said, sample_weight=row) for row in weights],
        "macro_f1": [reference.f1_score(labels, said, average="macro", sample_weight=row) for row in weights],
        "class_log_loss": [reference.log_loss(labels, probabilities, sample_weight=row) for row in weights],
    }
    for name, metric in metrics.items():
        np.testing.assert_allclose(metric.function(labels, probabilities, weights), expected[name], atol=1e-9)


def test_recall_at_a_rate_of_false_alarms() -> None:
    labels = np.r_[np.zeros(10, int), np.ones(4, int)]
    # Two negatives score highest, then positives and negatives take turns.
    scores = np.r_[0.99, 0.98, 0.5, 0.3, np.linspace(0.2, 0.1, 6), 0.97, 0.6, 0.4, 0.05][:, None]
    found = [
        BINARY.metrics(rate)["recall_at_false_alarm_rate"].value(labels, scores)
        for rate in (0.1, 0.2, 0.3, 0.999)
    ]
    assert found == [0.0, 0.5, 0.75, 0.75]


def test_both_views_of_several_classes() -> None:
    metrics = Classification("y", ("a", "b", "c")).metrics(0.05)
    assert [replace(metric.view, telling=None) for metric in metrics.values()] == [
        CLASSES_VIEW,
        EACH_CLASS_VIEW,
        CLASSES_VIEW,
        *[DETECTION_VIEW] * 5,
    ]
    labels, probabilities = np.array([0, 1, 2]), np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.0, 0.1, 0.9]])
    assert metrics["roc_auc"].value(labels, probabilities) == 1.0
    assert metrics["accuracy"].value(labels, probabilities) == pytest.approx(2 / 3)


def test_two_rows_of_a_class_give_no_verdict_on_macro_f1() -> None:
    """Of 202 rows the models differ in the two of the rarest class, which weighs as much as the others."""
    labels = np.repeat([0, 1, 2], [100, 100, 2])
    right = np.eye(3)[labels]
    wrong = right.copy()
    wrong[-2:] = [1.0, 0.0, 0.0]
    metric = Classification("y", ("a", "b", "c")).metrics()["macro_f1"]
    found = difference(metric, labels, wrong, right, seed=0)
    assert found.value > 0.3
    assert not found.tells
