from pathlib import Path

import lightgbm
import numpy as np

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.trees import TreeExplanation
from solutionkit.kinds import CATEGORICAL
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.explanation_files import save_drawn_rows
from solutionkit.models.gradient_boosting import BOOSTER_FILE, design_matrix
from solutionkit.tasks.classification.task import Classification


def test_contributions_add_up_with_categories_and_missing_values(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    numeric = random.normal(size=(400, 2)).astype(np.float32)
    numeric[random.random((400, 2)) < 0.2] = np.nan
    rows = TransformedSplit(
        {"numeric": numeric, "categorical": random.integers(0, 6, (400, 1))}, random.integers(0, 2, 400)
    )
    label = (np.nan_to_num(numeric[:, 0]) + (rows.of(CATEGORICAL)[:, 0] % 2) > 0.5).astype(int)
    data = lightgbm.Dataset(design_matrix(rows), label, categorical_feature=[2], params={"verbosity": -1})
    parameters = {"objective": "binary", "verbosity": -1, "min_data_per_group": 5}
    lightgbm.train(parameters, data, 20).save_model(str(tmp_path / BOOSTER_FILE))
    save_drawn_rows(tmp_path, rows, 0)
    explainer = TreeExplanation(tmp_path, TableSpec(Classification("y", ("0", "1")), ()))
    found = explainer.explain(rows, np.zeros(400, np.int64))
    assert np.abs(found.residual).max() < 1e-9
    assert np.abs(found.values).mean(axis=0).argmin() == 1


def test_of_several_classes_each_rows_own_is_explained(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = TransformedSplit({"numeric": random.normal(size=(300, 3)).astype(np.float32)}, np.zeros(300))
    label = rows.of("numeric")[:, :2].argmax(axis=1) + (rows.of("numeric")[:, 0] > 1)
    data = lightgbm.Dataset(design_matrix(rows), label, params={"verbosity": -1})
    booster = lightgbm.train({"objective": "multiclass", "num_class": 3, "verbosity": -1}, data, 10)
    booster.save_model(str(tmp_path / BOOSTER_FILE))
    save_drawn_rows(tmp_path, rows, 0)
    targets = random.integers(0, 3, 300)
    task = Classification("y", ("a", "b", "c"), has_negative_class=False)
    found = TreeExplanation(tmp_path, TableSpec(task, ())).explain(rows, targets)
    assert np.abs(found.residual).max() < 1e-9
    # It is what the probabilities say.
    logs = np.log(np.asarray(booster.predict(design_matrix(rows))))
    expected = logs[np.arange(300), targets] - logs.mean(axis=1)
    np.testing.assert_allclose(found.output, expected, atol=1e-6)
    assert np.abs(found.values).mean(axis=0).argmin() == 2


def test_a_sequence_is_one_column(tmp_path: Path) -> None:
    """Its steps are in or out together, and both models have the same columns."""
    random = np.random.default_rng(0)
    inputs = {
        "numeric": random.normal(size=(300, 1)).astype(np.float32),
        "sequence": random.normal(size=(300, 3, 2)).astype(np.float32),
    }
    rows = TransformedSplit(inputs, np.zeros(300))
    label = (inputs["sequence"][:, :, 0].sum(axis=1) * inputs["numeric"][:, 0] > 0).astype(int)
    booster = lightgbm.train(
        {"objective": "binary", "verbosity": -1}, lightgbm.Dataset(design_matrix(rows), label), 30
    )
    booster.save_model(str(tmp_path / BOOSTER_FILE))
    save_drawn_rows(tmp_path, rows, 0)
    explainer = TreeExplanation(tmp_path, TableSpec(Classification("y", ("0", "1")), ()))
    some = rows.take(slice(0, 20))
    found = explainer.explain(some, np.zeros(20, np.int64))
    assert found.values.shape == (20, 2)
    assert np.abs(found.residual).max() < 1e-9
    # Of two players the Shapley value is the mean of both orders.
    margins = explainer.margins
    backed = explainer.background
    for row in range(3):
        own = {name: np.repeat(value[row : row + 1], 128, axis=0) for name, value in inputs.items()}
        worth = {
            names: margins(
                TransformedSplit(
                    {name: (own if name in names else backed)[name] for name in inputs}, np.zeros(128)
                ),
                np.zeros(128, np.int64),
            ).mean()
            for names in ((), ("numeric",), ("sequence",), ("numeric", "sequence"))
        }
        number = (worth["numeric",] - worth[()] + worth["numeric", "sequence"] - worth["sequence",]) / 2
        np.testing.assert_allclose(found.values[row, 0], number, atol=1e-9)


def test_halves_of_the_background_tell_how_steady_it_is(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = TransformedSplit({"numeric": random.normal(size=(300, 3)).astype(np.float32)}, np.zeros(300))
    label = (rows.of("numeric")[:, 0] > 0).astype(int)
    data = lightgbm.Dataset(design_matrix(rows), label)
    lightgbm.train({"objective": "binary", "verbosity": -1}, data, 10).save_model(
        str(tmp_path / BOOSTER_FILE)
    )
    save_drawn_rows(tmp_path, rows, 0)
    found = TreeExplanation(tmp_path, TableSpec(Classification("y", ("0", "1")), ())).explain(
        rows.take(slice(0, 50)), np.zeros(50, np.int64)
    )
    assert found.halves is not None
    assert found.halves.shape == (2, 50, 3)
    np.testing.assert_allclose(found.halves.mean(axis=0), found.values)
    assert found.reliability is not None
    assert 0.95 < found.reliability <= 1.0
