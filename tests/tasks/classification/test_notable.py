import numpy as np

from solutionkit.tasks.classification.notable import by_outcome, told_or_confused


def test_the_surest_of_each_outcome_and_the_nearest() -> None:
    labels, scores = np.array([1, 0, 1, 0, 1]), np.array([0.9, 0.8, 0.1, 0.2, 0.55])
    assert by_outcome(labels, scores, 0.5) == {
        "true_positive": [0],
        "false_positive": [1],
        "false_negative": [2],
        "true_negative": [3],
        "borderline": [4],
    }
    assert by_outcome(labels, scores, 0.5, each=2)["true_positive"] == [0, 4]
    assert set(by_outcome(labels, scores, 2.0)) == {"false_negative", "true_negative", "borderline"}


def test_what_was_told_and_what_was_confused() -> None:
    outputs = np.array([[0.9, 0.05, 0.05], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1]])
    assert told_or_confused(np.array([0, 1, 1]), outputs) == {"right": [0], "confused": [1]}
    assert told_or_confused(np.array([0, 2, 1]), outputs) == {"right": [0]}
