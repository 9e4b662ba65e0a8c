"""Code that a project takes over from the library."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import BIN, generate, solutionkit

pytestmark = pytest.mark.slow


@pytest.fixture
def project(generated: Path, tmp_path: Path) -> Path:
    shutil.copytree(generated, tmp_path / "demo")
    return tmp_path / "demo"


@pytest.mark.parametrize("use_case", ["customer_churn", "defect_inspection", "fraud_detection"])
def test_all_parts_work_together_and_are_clean(use_case: str, tmp_path: Path) -> None:
    assert generate(tmp_path, "own", use_case=use_case).returncode == 0
    project = tmp_path / "own"
    for part in ("network", "features", "metric"):
        answer = solutionkit(project, "eject", part)
        assert answer.returncode == 0, answer.stderr
        assert f"{use_case}/{part}.py" in answer.stdout
    for command in (["format", "--check", "."], ["check", "."]):
        lint = subprocess.run(
            [str(BIN / "ruff"), *command], cwd=project, capture_output=True, text=True, check=False
        )
        assert lint.returncode == 0, lint.stdout
    tests = [f"tests/test_{part}.py" for part in ("network", "features", "metric")]
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", *tests], cwd=project, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


def test_what_cannot_be_ejected_is_said(tmp_path: Path) -> None:
    assert generate(tmp_path, "own", use_case="demand_forecasting").returncode == 0
    for part, reason in (
        ("network", "this network cannot be ejected"),
        ("metric", "hangs on what is declared"),
    ):
        answer = solutionkit(tmp_path / "own", "eject", part)
        assert answer.returncode == 1
        assert reason in answer.stderr
    assert solutionkit(tmp_path / "own", "eject", "features").returncode == 0


def test_what_is_there_is_not_written_over(project: Path) -> None:
    (project / "customer_churn" / "network_layers.py").write_text("mine")
    before = (project / "customer_churn" / "__init__.py").read_text()
    answer = solutionkit(project, "eject", "network")
    assert answer.returncode == 1
    assert "network_layers.py: there is one already" in answer.stderr
    assert (project / "customer_churn" / "__init__.py").read_text() == before
    assert not (project / "customer_churn" / "network.py").exists()


def test_a_network_of_ones_own_is_no_librarys(project: Path) -> None:
    assert solutionkit(project, "eject", "network").returncode == 0
    answer = solutionkit(project, "eject", "network")
    assert answer.returncode == 1
    assert "the project has its own already (customer_churn.network:train)" in answer.stderr
