"""Throughput of one SavedModel: in-process, behind our server, behind FastAPI; and trees against LightGBM.

    .venv/bin/python benchmarks/serving/run.py [--project FOLDER]

FOLDER is a churn project with a finished run; without it one is made (a minute). The load comes from a
process of its own on the same machine, so it shares the cores with the server it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import lightgbm
import numpy as np
import tensorflow as tf

from solutionserve.client import Client
from solutionserve.client.messages import Target
from solutionserve.embedded import free_port, running
from solutionserve.inference import plan_tensors
from solutionserve.load_test import measure
from solutionserve.model import LoadedModel
from solutionserve.warmup import logged_inputs

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ROWS, CONCURRENCY, SECONDS = 32, (1, 4, 16, 32), 3.0
Inputs = dict[str, np.ndarray]


def main() -> None:
    """Print one table a model, and the trees' table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path)
    project = parser.parse_args().project
    with tempfile.TemporaryDirectory() as folder:
        project = project or make_project(Path(folder))
        for name in ("baseline", "deep"):
            version = max((project / "models" / name).iterdir(), key=lambda item: int(item.name))
            served(name, version, project / "serving" / "batching.config")
    trees()


def make_project(folder: Path) -> Path:
    """A churn project with a finished run on its sample data."""
    command = [
        str(BIN / "cookiecutter"),
        str(ROOT),
        "--no-input",
        "--output-dir",
        str(folder),
        "project_slug=p",
    ]
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run([str(BIN / "solutionkit"), "run"], cwd=folder / "p", check=True, capture_output=True)
    return folder / "p"


def served(name: str, version: Path, batching: Path) -> None:
    """Requests a second of one model, by way and concurrency."""
    inputs = {key: np.resize(value, ROWS) for key, value in logged_inputs(version, "serving_raw").items()}
    rates = {"tf.saved_model in-process": in_process(saved_model(version, inputs))}
    rates["session in-process (the limit)"] = in_process(session(version, inputs))
    flags = ["--model_name=m", f"--model_base_path={version.parent}"]
    with running(*flags, "--enable_batching", f"--batching_parameters_file={batching}") as server:
        rates["gRPC"] = loaded(server.grpc, inputs)
        rates["gRPC, serving_default"] = loaded(
            server.grpc, logged_inputs(version, "serving_default"), "serving_default"
        )
        rates["REST"] = loaded(server.rest, inputs)
    with running(*flags) as server:
        rates["gRPC, no batching"] = loaded(server.grpc, inputs)
        with fastapi(version) as address:
            # FastAPI's app has no metadata: the client's knowledge of the signature comes from ours.
            rates["FastAPI"] = loaded(address, inputs, known_by=server.grpc)
    limit = rates["session in-process (the limit)"]
    print(f"\n{name}: requests of {ROWS} rows a second, by concurrency (share of the session's)\n")
    print("| way | " + " | ".join(map(str, CONCURRENCY)) + " |\n|---|" + "---:|" * len(CONCURRENCY))
    for way, found in rates.items():
        cells = [f"{rate:,.0f} ({rate / most:.2f})" for rate, most in zip(found, limit, strict=True)]
        print(f"| {way} | " + " | ".join(cells) + " |", flush=True)


def saved_model(version: Path, inputs: Inputs) -> Callable[[], object]:
    """A call as a Python program makes it."""
    loaded_model = tf.saved_model.load(str(version))
    signature = loaded_model.signatures["serving_raw"]

    def call() -> object:
        # The signature does not keep its model alive.
        assert loaded_model is not None
        tensors = {key: tf.constant(value) for key, value in inputs.items()}
        return signature(**tensors)["probability"].numpy()

    return call


def session(version: Path, inputs: Inputs) -> Callable[[], object]:
    """A call as our server makes it, and nothing else."""
    model = LoadedModel(version)
    plan = plan_tensors(model.signatures["serving_raw"], inputs, (), lambda outputs: outputs)
    return lambda: model.run(plan.feeds, plan.fetches)


def in_process(call: Callable[[], object]) -> list[float]:
    """Calls a second from as many threads."""
    rates = []
    for threads in CONCURRENCY:
        end = time.perf_counter() + SECONDS

        def work(end: float = end) -> int:
            count = 0
            while time.perf_counter() < end:
                call()
                count += 1
            return count

        for _ in range(20):
            call()
        with ThreadPoolExecutor(threads) as pool:
            rates.append(sum(pool.map(lambda _: work(), range(threads))) / SECONDS)
    return rates


def loaded(address: str, inputs: Inputs, signature: str = "serving_raw", known_by: str = "") -> list[float]:
    """Requests a second at a server."""
    with Client(known_by or address, "m", signature=signature) as client:
        known = client.signature()
    rates = []
    for concurrency in CONCURRENCY:
        load = asyncio.run(measure(address, Target("m"), known, inputs, ROWS, concurrency, SECONDS))
        assert not load.errors, load.first_error
        rates.append(load.requests_per_second)
    return rates


@contextmanager
def fastapi(version: Path) -> Iterator[str]:
    """The FastAPI server, listening."""
    port = free_port()
    script = str(Path(__file__).with_name("fastapi_server.py"))
    process = subprocess.Popen([sys.executable, script, str(version), str(port)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0 or process.poll() is not None:
                    break
            time.sleep(0.1)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait()


def trees() -> None:
    """Milliseconds a call: trees as TensorFlow ops in a session, and Booster.predict."""
    from solutionkit.models.trees import read_forest

    print("\ntrees: milliseconds a call, the least of five rounds\n")
    print(
        "| trees x leaves | rows | as TensorFlow ops | Booster.predict | ratio |\n|---|---:|---:|---:|---:|"
    )
    random = np.random.default_rng(0)
    matrix = random.normal(size=(20_000, 19))
    matrix[:, :8] = random.integers(0, 8, (20_000, 8))
    matrix[random.random(matrix.shape) < 0.02] = np.nan
    signal = np.nan_to_num(matrix).sum(axis=1) + random.normal(size=len(matrix)) * 3
    for count, leaves in ((287, 8), (500, 31)):
        data = lightgbm.Dataset(matrix, signal > np.median(signal), categorical_feature=list(range(8)))
        settings: dict[str, Any] = {
            "objective": "binary",
            "num_leaves": leaves,
            "learning_rate": 0.02,
            "verbosity": -1,
        }
        booster = lightgbm.train(settings, data, count)
        module = tf.Module()
        module.score = tf.function(
            partial(scores, read_forest(booster)),
            input_signature=[tf.TensorSpec([None, 19], tf.float64, "x")],
        )
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, {"serving_default": module.score})
            model = LoadedModel(Path(folder))
            for rows in (1, 128, 10_000):
                x = np.ascontiguousarray(np.resize(matrix, (rows, 19)))
                plan = plan_tensors(
                    model.signatures["serving_default"], {"x": x}, (), lambda outputs: outputs
                )
                ops = least(partial(model.run, plan.feeds, plan.fetches), rows)
                own = least(partial(booster.predict, x), rows)
                print(
                    f"| {count} x {leaves} | {rows:,} | {ops:.3f} | {own:.3f} | {ops / own:.2f} |", flush=True
                )


def scores(forest: Any, x: tf.Tensor) -> dict[str, tf.Tensor]:
    """A signature's outputs."""
    from solutionkit.models.tree_scores import predictions

    return {"p": predictions(forest, x)}


def least(call: Callable[[], object], rows: int) -> float:
    """Milliseconds of a call, the least of five rounds."""
    calls = max(3, 300 // max(1, rows // 10))
    for _ in range(3):
        call()
    rounds = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(calls):
            call()
        rounds.append((time.perf_counter() - started) / calls * 1e3)
    return min(rounds)


if __name__ == "__main__":
    main()
