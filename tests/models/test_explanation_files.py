import zipfile
from pathlib import Path

import numpy as np
import pytest

from solutionkit.errors import UserError
from solutionkit.models.explanation_files import (
    EXPLANATION_FOLDER,
    TRANSFORM_FILE,
    explainer_name,
    load_background,
    save_background,
    write_explanation_files,
)
from solutionkit.models.trained import TrainedModel


def test_a_model_carries_what_explains_it(tmp_path: Path) -> None:
    (tmp_path / "graph" / "transform_fn").mkdir(parents=True)
    (tmp_path / "graph" / "transform_fn" / "saved_model.pb").write_text("graph")
    background = {"numeric": np.arange(4.0).reshape(2, 2), "categorical": np.array([[1], [2]])}
    trained = TrainedModel(
        lambda columns: columns, np.zeros((1, 1)), lambda folder: save_background(folder, background), "a.b:C"
    )
    write_explanation_files(trained, tmp_path / "graph", tmp_path / "model")
    folder = tmp_path / "model" / EXPLANATION_FOLDER
    assert explainer_name(folder) == "a.b:C"
    loaded = load_background(folder)
    assert {name: value.tolist() for name, value in loaded.items()} == {
        name: value.tolist() for name, value in background.items()
    }
    # Packed: a nested saved_model.pb is left out when a model is pushed.
    with zipfile.ZipFile(folder / TRANSFORM_FILE) as archive:
        assert "transform_fn/saved_model.pb" in archive.namelist()
    assert not list((tmp_path / "model").rglob("saved_model.pb"))


@pytest.mark.parametrize("content", [None, "", "{}", "[1"])
def test_a_model_without_its_explainer_says_what_to_do(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "explainer.json").write_text(content)
    with pytest.raises(UserError, match="names no explainer; run the pipeline again"):
        explainer_name(tmp_path)
