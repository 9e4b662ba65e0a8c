import lightgbm
import numpy as np
import pytest
from keras import ops

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature
from solutionkit.models import gradient_boosting, tabular_network
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.heads import QuantileHead, ValueHead
from solutionkit.models.tree_scores import predictions
from solutionkit.models.trees import read_forest
from solutionkit.tasks.regression.task import Regression

FEATURES = (Feature("a", "numeric"), Feature("b", "numeric"))


def rows(seed: int, count: int) -> TransformedSplit:
    random = np.random.default_rng(seed)
    numeric = random.normal(size=(count, 2)).astype(np.float32)
    label = 1000.0 + 200.0 * numeric[:, 0] + random.normal(0, 20, count) * np.exp(0.5 * numeric[:, 1])
    return TransformedSplit({"numeric": numeric}, label.astype(np.float32))


@pytest.mark.parametrize("train", [gradient_boosting.train, tabular_network.train])
def test_numbers_of_any_size_are_learned(train) -> None:
    validation = rows(1, 500)
    trained = train(
        rows(0, 3000), validation, TableSpec(Regression("y"), FEATURES), Training(seed=3, epochs=10)
    )
    error = np.sqrt(np.mean((trained.validation_scores[:, 0] - validation.label) ** 2))
    assert error < 0.25 * validation.label.std()


@pytest.mark.parametrize("train", [gradient_boosting.train, tabular_network.train])
def test_a_quantile_lies_above_its_share_of_the_rows(train) -> None:
    validation = rows(1, 1000)
    spec = TableSpec(Regression("y", quantile=0.9), FEATURES)
    trained = train(rows(0, 3000), validation, spec, Training(seed=3, epochs=60))
    assert 0.8 < (validation.label <= trained.validation_scores[:, 0]).mean() < 0.97


def test_pinball_and_squared_losses() -> None:
    labels = np.array([0.0, 2.0, 4.0])
    raw = np.array([[[1.0], [3.0]], [[2.0], [0.0]], [[4.0], [8.0]]], np.float32)
    spread = labels.std()
    squared = ops.convert_to_numpy(ValueHead(labels).losses(labels, raw))
    np.testing.assert_allclose(squared, ((raw[..., 0] - labels[:, None]) / spread) ** 2, rtol=1e-6)
    below = (labels[:, None] - raw[..., 0]) / spread
    found = ops.convert_to_numpy(QuantileHead(labels, 0.9).losses(labels, raw))
    np.testing.assert_allclose(found, np.maximum(0.9 * below, -0.1 * below), rtol=1e-6, atol=1e-7)


def test_a_forest_of_quantiles_is_the_same_in_tensorflow() -> None:
    split = rows(0, 500)
    data = lightgbm.Dataset(split.of("numeric").astype(float), split.label, params={"verbosity": -1})
    booster = lightgbm.train({**QuantileHead(split.label, 0.8).boosting, "verbosity": -1}, data, 30)
    ours = predictions(read_forest(booster), split.of("numeric").astype(np.float64)).numpy()[:, 0]
    np.testing.assert_allclose(ours, booster.predict(split.of("numeric").astype(float)), rtol=1e-9)
