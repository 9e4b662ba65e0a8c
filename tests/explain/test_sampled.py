"""Sampled Shapley values, against a game that is known."""

import numpy as np
import pytest

from solutionkit.explain.attribution import Attribution
from solutionkit.explain.sampled import cross_check, sampled_shapley
from solutionkit.models.arrays import TransformedSplit

RANDOM = np.random.default_rng(0)
INPUTS = {
    # In another order than models see them.
    "sequence": RANDOM.normal(size=(6, 4, 2)).astype(np.float32),
    "categorical": RANDOM.integers(0, 3, (6, 1)),
    "numeric": RANDOM.normal(size=(6, 2)).astype(np.float32),
}
ROWS = TransformedSplit(INPUTS, np.zeros(6))
BACKGROUND = {
    "sequence": np.zeros((3, 4, 2), np.float32),
    "categorical": np.zeros((3, 1), np.int64),
    "numeric": np.zeros((3, 2), np.float32),
}


class Product:
    """The second number times the category, and the sequence's sum."""

    background = BACKGROUND

    def margins(self, rows: TransformedSplit, targets: np.ndarray) -> np.ndarray:
        del targets
        product = rows.of("numeric")[:, 1] * rows.of("categorical")[:, 0]
        result: np.ndarray = product + rows.of("sequence").sum(axis=(1, 2))
        return result


def expected() -> np.ndarray:
    half = INPUTS["numeric"][:, 1] * INPUTS["categorical"][:, 0] / 2
    return np.stack([np.zeros(6), half, half, INPUTS["sequence"].sum(axis=(1, 2))], axis=1)


def test_columns_come_in_the_order_in_which_models_see_them() -> None:
    found = sampled_shapley(Product().margins, ROWS, np.zeros(6, np.int64), BACKGROUND, seed=0)
    np.testing.assert_allclose(found, expected(), atol=1e-5)


def test_a_right_explanation_agrees_and_a_wrong_one_does_not() -> None:
    targets = np.zeros(6, np.int64)
    right = Attribution(expected(), np.zeros(6), np.zeros(6))
    told = cross_check(Product(), ROWS, targets, right, seed=0)
    assert told == {"rows": 5, "correlation": pytest.approx(1.0)}
    wrong = Attribution(expected()[:, ::-1], np.zeros(6), np.zeros(6))
    told = cross_check(Product(), ROWS, targets, wrong, seed=0)
    assert told is not None
    assert told["correlation"] < 0.9
    nothing = Attribution(np.zeros((6, 4)), np.zeros(6), np.zeros(6))
    assert cross_check(Product(), ROWS, targets, nothing, seed=0) is None
