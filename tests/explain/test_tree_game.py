"""Exact Shapley values of trees, against their definition."""

import itertools
import math

import lightgbm
import numpy as np
import pytest
import shap

from solutionkit.explain.tree_game import TreeGame


def by_definition(
    booster: lightgbm.Booster, row: np.ndarray, background: np.ndarray, players: np.ndarray
) -> np.ndarray:
    """`(players, outputs)`: the mean marginal contribution over all coalitions."""
    count = int(players.max()) + 1

    def worth(inside: tuple[int, ...]) -> np.ndarray:
        hybrids = np.where(np.isin(players, inside), row, background)
        return np.asarray(booster.predict(hybrids, raw_score=True)).reshape(len(background), -1).mean(axis=0)

    values = np.zeros((count, len(worth(()))))
    for player in range(count):
        others = [other for other in range(count) if other != player]
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - 1 - size) / math.factorial(count)
            for inside in itertools.combinations(others, size):
                values[player] += weight * (worth((*inside, player)) - worth(inside))
    return values


def drawn(rows: int) -> np.ndarray:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(rows, 5))
    matrix[random.random(matrix.shape) < 0.2] = np.nan
    matrix[:, 4] = random.integers(-1, 12, rows)
    return matrix


@pytest.mark.parametrize(
    "parameters",
    [
        {"objective": "binary", "num_leaves": 31},
        {"objective": "binary", "num_leaves": 8, "zero_as_missing": True},
        {"objective": "regression", "num_leaves": 4, "use_missing": False},
        {"objective": "multiclass", "num_class": 3, "num_leaves": 6},
    ],
)
@pytest.mark.parametrize("players", [[0, 1, 2, 3, 4], [0, 1, 1, 2, 1]])
def test_they_are_what_the_definition_gives(parameters: dict[str, object], players: list[int]) -> None:
    matrix = drawn(800)
    matrix[::7, 0] = 0.0
    label = np.nan_to_num(matrix[:, 0] * matrix[:, 1]) + (matrix[:, 4] % 3 == 1) + np.nan_to_num(matrix[:, 2])
    classes = np.digitize(label, [0.3, 1.2])
    target = {"binary": classes > 0, "regression": label, "multiclass": classes}[str(parameters["objective"])]
    data = lightgbm.Dataset(matrix, target, categorical_feature=[4], params={"verbosity": -1})
    booster = lightgbm.train({**parameters, "verbosity": -1, "min_data_per_group": 5}, data, 15)
    # Categories and gaps that training never saw, too.
    rows, background = matrix[:4].copy(), matrix[100:117]
    rows[0, 4], rows[1, 4], rows[2, 3] = 40.0, np.nan, np.nan
    found = TreeGame.of(booster, np.array(players)).values(rows, background)
    for row, values in zip(rows, found, strict=True):
        np.testing.assert_allclose(
            values, by_definition(booster, row, background, np.array(players)), atol=1e-9
        )


def test_trees_without_a_split_contribute_nothing() -> None:
    matrix = drawn(50)
    data = lightgbm.Dataset(matrix, np.ones(50), params={"verbosity": -1})
    booster = lightgbm.train({"objective": "regression", "verbosity": -1}, data, 2)
    assert not TreeGame.of(booster, np.arange(5)).values(matrix, matrix[:5]).any()


def test_an_implementation_by_others_says_the_same_where_it_can() -> None:
    """shap's interventional explainer, which is right without categories and gaps."""
    matrix = np.random.default_rng(0).normal(size=(500, 5))
    label = matrix[:, 0] * matrix[:, 1] + np.maximum(matrix[:, 2], 0.0)
    booster = lightgbm.train(
        {"objective": "regression", "verbosity": -1}, lightgbm.Dataset(matrix, label), 40
    )
    background = matrix[100:160]
    theirs = shap.TreeExplainer(booster, background, feature_perturbation="interventional")
    ours = TreeGame.of(booster, np.arange(5)).values(matrix[:30], background)[:, :, 0]
    np.testing.assert_allclose(ours, theirs.shap_values(matrix[:30]), atol=1e-5)
