"""What a project's folder says about itself."""

from pathlib import Path

import pytest

from solutionkit.errors import UserError
from solutionkit.use_case import load_project

DECLARATION = '[data]\npath = "rows.csv"\n[columns]\nlabel = "y"\n'


def project(folder: Path, settings: str) -> Path:
    (folder / "use_case.toml").write_text(DECLARATION)
    (folder / "pyproject.toml").write_text(settings)
    return folder


def test_the_served_model_is_called_as_the_project_says(tmp_path: Path) -> None:
    stated = '[tool.solutionkit]\nuse_case = "customer_churn"\n'
    assert load_project(project(tmp_path, stated)).name == "customer_churn"
    assert load_project(project(tmp_path, f'{stated}name = "loans-2027"\n')).name == "loans-2027"


@pytest.mark.parametrize("name", ["deep", "baseline", "", "../up", "a b", "é"])
def test_a_name_that_cannot_be_served(tmp_path: Path, name: str) -> None:
    settings = f'[tool.solutionkit]\nuse_case = "customer_churn"\nname = "{name}"\n'
    with pytest.raises(UserError, match=r"tool\.solutionkit\.name"):
        load_project(project(tmp_path, settings))


def test_a_broken_pyproject_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pyproject\.toml: not valid TOML"):
        load_project(project(tmp_path, "[project]\ndependencies = [\n"))


@pytest.mark.parametrize(
    "settings",
    ["", "[tool]", "[tool.solutionkit]\n", '[tool]\nsolutionkit = "x"', "[tool.solutionkit]\nuse_case = 1"],
)
def test_a_folder_that_names_no_use_case(tmp_path: Path, settings: str) -> None:
    with pytest.raises(UserError, match="no use case named"):
        load_project(project(tmp_path, settings))
