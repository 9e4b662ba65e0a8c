"""`serve`, `predict --server`, `rollout` and `loadtest` in a generated project."""

import csv
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from solutionkit.runner.models import model_folder
from solutionkit.runner.serving import example_body
from solutionkit.use_case import load_project
from solutionserve.embedded import free_port
from support import BIN, solutionkit

pytestmark = pytest.mark.slow
PREDICT = ("predict", "--input", "data/sample.csv", "--output")


@pytest.fixture(scope="module")
def project(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished project of our own, with a second version pushed."""
    folder = tmp_path_factory.mktemp("serving") / "demo"
    shutil.copytree(finished, folder, symlinks=True)
    # Other tests may have pushed to the shared project too.
    *others, pushed = sorted((folder / "models/demo").iterdir(), key=lambda item: int(item.name))
    for other in others:
        shutil.rmtree(other)
    deep = max((folder / "models/deep").iterdir(), key=lambda item: int(item.name))
    shutil.copytree(deep, pushed.with_name(str(int(pushed.name) + 1)))
    return folder


@pytest.fixture(scope="module")
def served(project: Path) -> Iterator[tuple[str, str]]:
    """`solutionkit serve` in that project: its gRPC and REST addresses."""
    port, rest = free_port(), free_port()
    command = [BIN / "solutionkit", "serve", f"--port={port}", f"--rest-port={rest}"]
    process = subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    address = f"http://localhost:{rest}"
    try:
        end = time.monotonic() + 120
        while not answers(f"{address}/v1/models/demo"):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < end
            time.sleep(0.2)
        yield f"localhost:{port}", address
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "listening" in output
    assert f"{address}/v1/models/demo:predict" in output
    assert "Traceback" not in output


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def scores(file: Path) -> list[float]:
    with file.open() as opened:
        return [float(row["probability"]) for row in csv.DictReader(opened)]


def test_predict_agrees_with_the_server(project: Path, served: tuple[str, str], tmp_path: Path) -> None:
    answer = solutionkit(project, *PREDICT, str(tmp_path / "here.csv"))
    assert answer.returncode == 0, answer.stderr
    here = scores(tmp_path / "here.csv")
    assert len(here) == 3000
    for address in served:
        answer = solutionkit(project, *PREDICT, str(tmp_path / "there.csv"), "--server", address)
        assert answer.returncode == 0, answer.stderr
        assert "3,000 rows scored by demo" in answer.stdout
        there = scores(tmp_path / "there.csv")
        assert max(abs(a - b) for a, b in zip(here, there, strict=True)) <= 1e-6


def test_the_request_that_is_told_is_answered(project: Path, served: tuple[str, str]) -> None:
    body = example_body(model_folder(load_project(project), "pushed"))
    assert body is not None
    answer = httpx.post(f"{served[1]}/v1/models/demo:predict", content=body, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert 0.0 <= answer.json()["outputs"][0][0] <= 1.0


def test_rollout(project: Path, served: tuple[str, str]) -> None:
    def rollout(*arguments: str) -> str:
        answer = solutionkit(project, "rollout", *arguments, "--server", served[0])
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    old, new = sorted(item.name for item in (project / "models/demo").iterdir())
    assert "goes live at once" in rollout("status")
    after = rollout("canary").splitlines()
    assert after[1].split() == [new, "canary", "AVAILABLE"]
    assert after[2].split() == [old, "stable", "AVAILABLE"]
    assert "previous" in rollout("promote")
    assert rollout("rollback").splitlines()[2].split() == [old, "stable", "AVAILABLE"]
    answer = solutionkit(project, "rollout", "promote", "--server", served[0])
    assert (answer.returncode, "there is no canary" in answer.stderr) == (1, True)
    asked = (*PREDICT, "scores.csv", "--server", served[0], "--label")
    assert f"demo version {old}" in solutionkit(project, *asked, "stable").stdout
    answer = solutionkit(project, *asked, "nonsense")
    assert (answer.returncode, "Unrecognized servable version label" in answer.stderr) == (1, True)


def test_loadtest(project: Path, served: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "loads.json"
    small = ("--rows", "1,8", "--concurrency", "2", "--seconds", "0.5", "--json", str(file))
    for address in served:
        answer = solutionkit(project, "loadtest", "--server", address, *small)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert "| rows | concurrency | requests/s |" in answer.stdout
        loads = json.loads(file.read_text())["loads"]
        assert [(load["rows"], load["concurrency"], load["errors"]) for load in loads] == [
            (1, 2, 0),
            (8, 2, 0),
        ]
        for load in loads:
            assert 0 < load["p50_ms"] <= load["p95_ms"] <= load["p99_ms"]
            assert load["requests_per_second"] > 1


def test_loadtest_starts_a_server_of_its_own(project: Path) -> None:
    small = ("--rows", "4", "--concurrency", "1", "--seconds", "0.5")
    answer = solutionkit(project, "loadtest", "--model", "deep", "--rest", *small)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "deep model" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*PREDICT, "o.csv", "--server", "localhost:1"], "--server: localhost:1"),
        ([*PREDICT, "o.csv", "--label", "stable"], "add --server"),
        ([*PREDICT, "o.csv", "--server", "localhost:1", "--model", "deep"], "leave out --model"),
        (["loadtest", "--server", "localhost:1"], "localhost:1"),
        (["rollout", "rollback", "--version", "5", "--no-wait"], "version 5 is not there"),
    ],
)
def test_what_is_refused(project: Path, arguments: list[str], message: str) -> None:
    answer = solutionkit(project, *arguments)
    assert (answer.returncode, message in answer.stderr) == (1, True), answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert not (project / "o.csv").exists()


def test_before_anything_is_pushed(generated: Path) -> None:
    for verb in (["serve"], ["loadtest"], ["rollout", "status"]):
        answer = solutionkit(generated, *verb)
        assert (answer.returncode, "nothing was pushed yet" in answer.stderr) == (1, True), answer.stderr


@pytest.mark.skipif(bool(shutil.which("docker") or shutil.which("podman")), reason="an engine is here")
def test_serve_in_docker_without_docker(project: Path) -> None:
    answer = solutionkit(project, "serve", "--docker")
    assert (answer.returncode, "neither docker nor podman is installed" in answer.stderr) == (1, True)
