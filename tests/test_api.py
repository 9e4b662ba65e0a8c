"""A project from Python, as a notebook uses it."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from solutionkit import Project
from solutionkit.errors import DataError, UserError
from solutionkit.models.saved import SavedScorer
from solutionkit.runner.models import model_folder
from solutionkit.use_case import load_project
from support import solutionkit

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows(finished: Path) -> pd.DataFrame:
    return pd.read_csv(finished / "data" / "sample.csv").head(50).drop(columns=["churned"])


def test_frames_tables_and_files_are_scored_alike(finished: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    project = Project.load(finished)
    found = project.predict(rows)
    assert list(found.columns) == ["customer_id", "probability", "alert"]
    assert found["customer_id"].tolist() == rows["customer_id"].tolist()
    file = tmp_path / "rows.csv"
    rows.to_csv(file, index=False)
    pd.testing.assert_frame_equal(project.predict(file), found)
    pd.testing.assert_frame_equal(project.predict(pa.Table.from_pandas(rows)), found)
    answer = solutionkit(finished, "predict", "--input", str(file), "--output", str(tmp_path / "out.csv"))
    assert answer.returncode == 0
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out.csv"), found)


@pytest.mark.parametrize("model", ["baseline", "deep"])
def test_contributions_add_up(finished: Path, rows: pd.DataFrame, model: str) -> None:
    found = Project.load(finished).explain(rows, model)
    assert found.shape == (50, 15)
    probability = found["probability"].to_numpy()
    margin = np.log(probability / (1 - probability))
    missed = margin - found.drop(columns=["customer_id", "probability"]).sum(axis=1)
    assert np.abs(missed).max() < (1e-5 if model == "baseline" else 0.5)


def test_rows_that_do_not_fit_are_refused(finished: Path, rows: pd.DataFrame) -> None:
    project = Project.load(finished)
    with pytest.raises(DataError) as error:
        project.predict(rows.drop(columns=["contract"]))
    assert [(item.code, item.column) for item in error.value.problems] == [("missing_column", "contract")]
    with pytest.raises(UserError, match="the rows: there are none"):
        project.predict(rows.head(0))
    with pytest.raises(UserError, match="the rows: "):
        project.predict(rows.assign(contract=[1, "two"] * 25))
    with pytest.raises(UserError, match="leave --history out"):
        project.predict(rows, history=Path("other.csv"))


def test_what_a_server_takes(finished: Path, rows: pd.DataFrame) -> None:
    project = Project.load(finished)
    inputs = project.inputs(rows)
    assert {len(values) for values in inputs.values()} == {50}
    model = SavedScorer(model_folder(load_project(finished), "pushed"))
    assert model.score_raw(inputs)[:, 0].tolist() == project.predict(rows)["probability"].tolist()


def test_two_projects_of_one_use_case_keep_their_own_code(finished: Path, tmp_path: Path) -> None:
    for name, title in (("one", "First"), ("two", "Second")):
        shutil.copytree(finished, tmp_path / name, symlinks=True)
        init = tmp_path / name / "customer_churn" / "__init__.py"
        init.write_text(init.read_text().replace('title="Customer churn"', f'title="{title}"'))
    found = [load_project(tmp_path / name).use_case.title for name in ("one", "two", "one")]
    assert found == ["First", "Second", "First"]


def test_data_is_checked(finished: Path) -> None:
    assert Project.load(finished).check().rows()["eval"] > 0
    with pytest.raises(UserError, match="no such file"):
        Project.load(finished).check("nowhere.csv")
