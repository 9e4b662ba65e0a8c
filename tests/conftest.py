"""Fixtures shared by all tests; the one pipeline run is made once a session."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from solutionkit.environment import prepare_environment
from support import generate, solutionkit_process

NOBODY = 65534

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
    assert solutionkit_process(project, "sample", "--rows", "3000").returncode == 0
    answer = solutionkit_process(project, "run")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return project


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """boto3's client of an object store with an empty bucket, which the environment names as S3's."""
    from emulated_kubeflow.backend import CREDENTIALS, object_store

    with object_store() as (client, endpoint):
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}.items():
            monkeypatch.setenv(name, value)
        yield client


@pytest.fixture
def guarded() -> Iterator[Path]:
    """A base path with one version, as a user sees it whom permissions bind."""
    # Not pytest's own folder, which is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="solutionkit-"))
    (folder / "model" / "3").mkdir(parents=True)
    (folder / "model" / "3" / "saved_model.pb").touch()
    root = os.geteuid() == 0
    if root:
        for item in (folder, *folder.rglob("*")):
            os.chown(item, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield folder / "model"
    if root:
        os.seteuid(0)
    (folder / "model").chmod(0o755)
    shutil.rmtree(folder)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The serving tests run against any server with the models of serving/sample_models.py."""
    parser.addoption("--grpc-address", help="host:port of a running server's gRPC API")
    parser.addoption("--rest-address", help="http://host:port of its REST API")
