from pathlib import Path

import lightgbm
import numpy as np

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.trees import TreeExplanation
from solutionkit.kinds import CATEGORICAL
from solutionkit.models.arrays import TransformedSplit
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
    targets = random.integers(0, 3, 300)
    task = Classification("y", ("a", "b", "c"), has_negative_class=False)
    found = TreeExplanation(tmp_path, TableSpec(task, ())).explain(rows, targets)
    assert np.abs(found.residual).max() < 1e-9
    # It is what the probabilities say.
    logs = np.log(np.asarray(booster.predict(design_matrix(rows))))
    expected = logs[np.arange(300), targets] - logs.mean(axis=1)
    np.testing.assert_allclose(found.output, expected, atol=1e-6)
    assert np.abs(found.values).mean(axis=0).argmin() == 2
