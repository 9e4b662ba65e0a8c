import shutil
import unittest
from pathlib import Path

import pytest

from solutionkit.testing import check_declaration, check_sample, copy_project, sample_declaration

OWN = '[data]\npath = "own.csv"\n[columns]\nlabel = "bought"\n'


@pytest.fixture
def project(generated: Path, tmp_path: Path) -> Path:
    """A project that a user has pointed at a table of their own."""
    folder = tmp_path / "demo"
    shutil.copytree(generated, folder)
    (folder / "use_case.toml").write_text(OWN)
    rows = [f"{i},{'ab'[i % 2]},{['no', 'yes'][i // 3 % 2]}" for i in range(300)]
    (folder / "own.csv").write_text("\n".join(["size,kind,bought", *rows]) + "\n")
    return folder


def test_the_sample_is_checked_by_its_own_declaration(project: Path, tmp_path: Path) -> None:
    (project / "schema.pbtxt").unlink()
    assert sample_declaration(project).columns.label == "churned"
    copied = copy_project(project, tmp_path / "copy")
    assert copied.declaration.columns.label == "churned"
    check_sample(copied, 500)


def test_the_own_declaration_is_checked_by_the_own_data(project: Path) -> None:
    check_declaration(project)
    (project / "use_case.toml").write_text(OWN.replace("bought", "baught"))
    with pytest.raises(AssertionError, match="did you mean 'bought'"):
        check_declaration(project)


def test_own_data_may_be_elsewhere(project: Path) -> None:
    (project / "own.csv").unlink()
    with pytest.raises(unittest.SkipTest, match=r"own\.csv is not on this machine"):
        check_declaration(project)


def test_the_sample_is_no_own_data(generated: Path) -> None:
    check_declaration(generated)
    assert not (generated / "data").exists()
