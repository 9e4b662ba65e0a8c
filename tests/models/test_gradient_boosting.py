"""Which settings compete, and how many fits a table holds."""

import lightgbm
import numpy as np
import pytest

from solutionkit.models import gradient_boosting
from solutionkit.models.gradient_boosting import (
    BAGGED,
    SIZES,
    candidates,
    most_that_fit,
)
from solutionkit.models.heads import BinaryHead


def test_one_fit_takes_small_steps() -> None:
    usual, rare = BinaryHead(np.array([0, 1])), BinaryHead(np.arange(100) < 2)
    one = candidates(usual, bag=False)
    assert [(item.leaves, item.learning_rate, item.bins) for item in one] == [(n, 0.03, 255) for n in SIZES]
    assert {item.l2 for item in candidates(rare, bag=False)} == {1.0}
    assert candidates(usual, bag=True) == BAGGED
    assert len(candidates(rare, bag=True)) == len(BAGGED) + 1


def test_a_bag_keeps_to_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    data = lightgbm.Dataset(
        random.normal(size=(500, 2)), random.integers(0, 2, 500), params={"verbosity": -1}
    )
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "num_leaves": 8}, data, 10)
    settings = BAGGED[0]
    table = 10 * 2 * (settings.bins + 3)
    for limit, kept in ((3 * table, 3), (3 * table - 1, 2), (0, 1)):
        monkeypatch.setattr(gradient_boosting, "LARGEST_BAG", limit)
        assert most_that_fit([booster] * 4, settings) == kept
