from pathlib import Path

import lightgbm
import numpy as np

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.loading import load_explainer
from solutionkit.explain.trees import TreeExplanation
from solutionkit.models.arrays import Arrays
from solutionkit.models.gradient_boosting import BOOSTER_FILE, design_matrix


def test_contributions_add_up_with_categories_and_missing_values(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    numeric = random.normal(size=(400, 2)).astype(np.float32)
    numeric[random.random((400, 2)) < 0.2] = np.nan
    rows = Arrays(
        {"numeric": numeric, "categorical": random.integers(0, 6, (400, 1))}, random.integers(0, 2, 400)
    )
    label = (np.nan_to_num(numeric[:, 0]) + (rows.categorical[:, 0] % 2) > 0.5).astype(int)
    data = lightgbm.Dataset(design_matrix(rows), label, categorical_feature=[2], params={"verbosity": -1})
    parameters = {"objective": "binary", "verbosity": -1, "min_data_per_group": 5}
    lightgbm.train(parameters, data, 20).save_model(str(tmp_path / BOOSTER_FILE))
    explainer = load_explainer(tmp_path, TableSpec("y", ("0", "1"), ()))
    assert isinstance(explainer, TreeExplanation)
    found = explainer.explain(rows)
    assert np.abs(found.residual).max() < 1e-9
    assert np.abs(found.values).mean(axis=0).argmin() == 1
