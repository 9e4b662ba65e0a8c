"""Fixtures shared by all tests; the one pipeline run is made once a session."""

import shutil
from pathlib import Path

import pytest

from solutionkit.environment import prepare_environment
from support import generate, solutionkit

# Before anything imports TensorFlow.
prepare_environment()


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly generated churn project; tests must not write to it."""
    folder = tmp_path_factory.mktemp("generated")
    answer = generate(folder)
    assert answer.returncode == 0, answer.stderr
    return folder / "demo"


@pytest.fixture(scope="session")
def finished(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A churn project with one finished run on a small sample."""
    project = tmp_path_factory.mktemp("finished") / "demo"
    shutil.copytree(generated, project)
    declaration = project / "use_case.toml"
    declaration.write_text(declaration.read_text().replace("epochs = 60", "epochs = 8"))
    assert solutionkit(project, "sample", "--rows", "3000").returncode == 0
    answer = solutionkit(project, "run")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return project


def pytest_addoption(parser: pytest.Parser) -> None:
    """The serving tests run against any server with the models of serving/sample_models.py."""
    parser.addoption("--grpc-address", help="host:port of a running server's gRPC API")
    parser.addoption("--rest-address", help="http://host:port of its REST API")
