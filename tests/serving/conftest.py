"""One server for all tests of the protocol: started here, or any other by its address."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.sample_models import export_all
from serving.served import push
from solutionserve.embedded import running


@dataclass(frozen=True)
class Addresses:
    grpc: str
    rest: str
    ours: bool


@pytest.fixture(scope="session")
def sample_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample models and their models.config; tests must not write to it."""
    folder = tmp_path_factory.mktemp("sample_models")
    export_all(folder)
    return folder


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest, sample_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    """A server with the sample models, batching and metrics."""
    grpc, rest = (request.config.getoption(name) for name in ("--grpc-address", "--rest-address"))
    if grpc and rest:
        yield Addresses(grpc, rest, ours=False)
        return
    folder = tmp_path_factory.mktemp("server")
    (folder / "monitoring.config").write_text("prometheus_config { enable: true }")
    (folder / "batching.config").write_text("max_batch_size { value: 64 }")
    with running(
        f"--model_config_file={sample_models / 'models.config'}",
        "--allow_version_labels_for_unavailable_models=true",
        "--enable_batching",
        f"--batching_parameters_file={folder / 'batching.config'}",
        f"--monitoring_config_file={folder / 'monitoring.config'}",
        "--max_request_bytes=1000000",
        "--max_request_rows=5000",
    ) as started:
        yield Addresses(started.grpc, started.rest, ours=True)


@pytest.fixture
def base(tmp_path: Path, sample_models: Path) -> Path:
    """A base path with version 1, which answers 3.0; `push` adds others."""
    folder = tmp_path / "m"
    push(sample_models, folder, 1)
    return folder
