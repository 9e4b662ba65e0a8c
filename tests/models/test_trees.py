"""The converter equals LightGBM's own predictions on random boosters and random inputs."""

import lightgbm
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from solutionkit.models import trees
from solutionkit.models.gradient_boosting import scorer
from solutionkit.models.tree_scores import COLUMNS_AT_ONCE, predictions, raw_scores
from solutionkit.models.trees import read_forest

ROWS, COLUMNS = 300, 5


def columns(random: np.random.Generator, rows: int, extreme: bool) -> np.ndarray:
    """Two categorical and three numeric columns, with missing, zero and unseen values."""
    matrix = random.normal(size=(rows, COLUMNS))
    matrix[:, :2] = random.integers(0, 12, (rows, 2))
    matrix[random.random(matrix.shape) < 0.15] = np.nan
    matrix[random.random(matrix.shape) < 0.1] = 0.0
    if extreme:
        wild = random.choice(
            [-1.0, -0.5, 3.7, 31.0, 32.0, 1e6, 1e300, -1e300, np.inf, -np.inf, 1e-40], matrix.shape
        )
        matrix = np.where(random.random(matrix.shape) < 0.2, wild, matrix)
    return matrix


def train(seed: int, objective: str, **parameters: object) -> lightgbm.Booster:
    random = np.random.default_rng(seed)
    matrix = columns(random, ROWS, extreme=False)
    signal = np.nan_to_num(matrix[:, 2]) + (np.nan_to_num(matrix[:, 0]) % 3) + random.normal(size=ROWS)
    label = {
        "binary": signal > 1,
        "multiclass": np.digitize(signal, [0.5, 1.5]),
        "regression": signal,
    }[objective]
    settings = {
        "objective": objective,
        "num_leaves": 15,  # two words a tree
        "min_data_in_leaf": 5,
        "verbosity": -1,
        "seed": seed,
    }
    if objective == "multiclass":
        settings["num_class"] = 3
    data = lightgbm.Dataset(matrix, label, categorical_feature=[0, 1], params={"verbosity": -1})
    return lightgbm.train({**settings, "min_data_per_group": 5, "cat_smooth": 1.0, **parameters}, data, 12)


def wide_forest() -> tuple[lightgbm.Booster, np.ndarray]:
    """Trees over more columns than are looked up at once, and what they learned from."""
    random = np.random.default_rng(0)
    matrix = random.normal(size=(200, 3 * COLUMNS_AT_ONCE + 1))
    data = lightgbm.Dataset(matrix, matrix.sum(axis=1) > 0, params={"verbosity": -1})
    parameters = {"objective": "binary", "feature_fraction": 0.2, "min_data_in_leaf": 5, "verbosity": -1}
    return lightgbm.train(parameters, data, 40), matrix


@given(
    seed=st.integers(0, 1_000),
    objective=st.sampled_from(["binary", "multiclass", "regression"]),
    parameters=st.fixed_dictionaries(
        {
            "use_missing": st.booleans(),
            "zero_as_missing": st.booleans(),
            "max_cat_to_onehot": st.sampled_from([1, 4, 32]),
            "extra_trees": st.booleans(),
        }
    ),
)
@settings(max_examples=40, deadline=None)
def test_equals_lightgbm(seed: int, objective: str, parameters: dict[str, object]) -> None:
    booster = train(seed, objective, **parameters)
    matrix = columns(np.random.default_rng(seed + 1), 400, extreme=True)
    forest = read_forest(booster)
    expected = booster.predict(matrix).reshape(400, -1)
    np.testing.assert_allclose(predictions(forest, tf.constant(matrix)).numpy(), expected, rtol=0, atol=1e-6)
    raw = booster.predict(matrix, raw_score=True).reshape(400, -1)
    np.testing.assert_allclose(raw_scores(forest, tf.constant(matrix)).numpy(), raw, rtol=0, atol=1e-9)


def test_inside_a_graph_with_any_batch() -> None:
    forest = read_forest(train(3, "binary"))
    function = tf.function(
        lambda matrix: predictions(forest, matrix),
        input_signature=[tf.TensorSpec([None, COLUMNS], tf.float64)],
    )
    matrix = columns(np.random.default_rng(0), 10, extreme=False)
    assert function(matrix[:0]).shape == (0, 1)
    np.testing.assert_allclose(function(matrix)[3:4], function(matrix[3:4]), atol=1e-15)


def test_more_columns_than_are_looked_up_at_once() -> None:
    booster, matrix = wide_forest()
    found = predictions(read_forest(booster), tf.constant(matrix)).numpy()[:, 0]
    np.testing.assert_allclose(found, booster.predict(matrix), rtol=0, atol=1e-6)


def test_no_part_of_the_table_is_read_twice() -> None:
    # TensorFlow's graph optimiser copies a constant for each operation that reads it.
    booster, _ = wide_forest()
    forest, score = read_forest(booster), scorer(booster)
    graph = score.get_concrete_function().graph
    tables = [
        operation.outputs[0]
        for operation in graph.get_operations()
        if operation.type == "Const" and operation.outputs[0].shape[-1:] == forest.table.shape[-1:]
    ]
    assert sum(table.shape[0] for table in tables if table.shape.rank == 2) == len(forest.table)
    assert all(len(table.consumers()) == 1 for table in tables)


def test_two_graphs_hold_one_table() -> None:
    score = scorer(wide_forest()[0])
    signature = [tf.TensorSpec([None, 3 * COLUMNS_AT_ONCE + 1], tf.float64)]
    graphs = [tf.function(lambda x: score(x), signature).get_concrete_function().graph for _ in range(2)]
    called = [
        operation.get_attr("f").name
        for graph in graphs
        for operation in graph.get_operations()
        if operation.type in {"PartitionedCall", "StatefulPartitionedCall"}
    ]
    assert len(called) == 2
    assert len(set(called)) == 1


def test_a_table_that_no_graph_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "LARGEST_TABLE", 1000)
    with pytest.raises(ValueError, match=r"12 trees over \d+ cells.*train fewer or smaller trees"):
        read_forest(train(3, "binary"))


def test_a_booster_without_a_split() -> None:
    data = lightgbm.Dataset(np.zeros((50, 2)), np.arange(50) % 2, params={"verbosity": -1})
    booster = lightgbm.train({"objective": "binary", "verbosity": -1}, data, 3)
    matrix = np.ones((4, 2))
    found = predictions(read_forest(booster), tf.constant(matrix)).numpy()[:, 0]
    np.testing.assert_allclose(found, booster.predict(matrix), atol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"objective": "poisson"}, "objective 'poisson"),
        ({"objective": "regression", "linear_tree": True}, "linear trees"),
        (
            {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
            "averaged",
        ),
    ],
)
def test_what_cannot_be_converted_is_refused(parameters: dict[str, object], message: str) -> None:
    random = np.random.default_rng(0)
    data = lightgbm.Dataset(
        random.normal(size=(200, 2)), random.random(200), params={"verbosity": -1, **parameters}
    )
    booster = lightgbm.train({"verbosity": -1, **parameters}, data, 3)
    with pytest.raises(ValueError, match=message):
        read_forest(booster)
