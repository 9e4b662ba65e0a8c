"""Our whole pipeline beside TFX's taxi template, cold and cached, in one run.

    make setup && .venv/bin/python benchmarks/pipeline/run.py

Ours trains, compares and explains two models and writes a report; taxi trains one. Both have 15,000
rows and the same environment, and each run is a process of its own, so imports are counted.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from solutionkit.use_case import load_project

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# Taxi's model code is Keras 2's, which TFX switches to by itself; ours sets what it needs.
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
ENVIRONMENT.pop("TF_USE_LEGACY_KERAS", None)


def main() -> int:
    """Make both projects, run each twice, print a table."""
    with tempfile.TemporaryDirectory() as folder:
        ours, taxi = make_ours(Path(folder)), make_taxi(Path(folder))
        seconds = {
            "taxi, cold": timed([sys.executable, "local_runner.py"], taxi),
            "taxi, cached": timed([sys.executable, "local_runner.py"], taxi),
            "ours, cold": timed([str(BIN / "solutionkit"), "run"], ours),
        }
        found_drivers = explanations_find_the_drivers(ours)
        nodes = json.loads((ours / "runs" / "latest" / "run.json").read_text())["seconds"]
        seconds["ours, cached"] = timed([str(BIN / "solutionkit"), "run"], ours)
    print(f"{os.cpu_count()} cores, {platform.platform()}\n")
    print("| run | seconds | of taxi, cold | of taxi, cached |")
    print("|---|---|---|---|")
    for name, value in seconds.items():
        cold, cached = value / seconds["taxi, cold"], value / seconds["taxi, cached"]
        print(f"| {name} | {value:.1f} | {cold:.2f}x | {cached:.2f}x |")
    print("\nwhere our cold run's time goes (the rest is importing TFX and TensorFlow):\n")
    print("| node | seconds |")
    print("|---|---|")
    for name, value in nodes.items():
        print(f"| {name} | {value:.1f} |")
    print(f"\nboth explanations rank the true drivers first and the irrelevant columns last: {found_drivers}")
    return 0 if found_drivers else 1


def explanations_find_the_drivers(project: Path) -> bool:
    """Whether the sample's known truth is what both models' explanations say."""
    use_case = load_project(project).use_case
    explained = json.loads((project / "runs" / "latest" / "explanations.json").read_text())
    rankings = [[item["column"] for item in model["global"]] for model in explained["models"].values()]
    return all(
        tuple(ranked[: len(use_case.drivers)]) == use_case.drivers
        and set(ranked[-len(use_case.irrelevant) :]) == set(use_case.irrelevant)
        for ranked in rankings
    )


def make_ours(folder: Path) -> Path:
    """A generated churn project with its sample in place."""
    command = [str(BIN / "cookiecutter"), str(ROOT), "--no-input", "--output-dir", str(folder)]
    run([*command, "use_case=customer_churn", "project_name=bench", "project_slug=bench"], folder)
    run([str(BIN / "solutionkit"), "sample", "--rows", "15000"], folder / "bench")
    return folder / "bench"


def make_taxi(folder: Path) -> Path:
    """TFX's taxi template with all components and the cache uncommented."""
    taxi = folder / "taxi"
    run(
        [
            str(BIN / "tfx"),
            "template",
            "copy",
            "--model=taxi",
            "--pipeline_name=taxi",
            f"--destination_path={taxi}",
        ],
        folder,
    )
    file = taxi / "pipeline" / "pipeline.py"
    source = re.sub(r"^(\s*)# (components\.append\(|enable_cache=)", r"\1\2", file.read_text(), flags=re.M)
    file.write_text(source)
    return taxi


def timed(command: list[str], folder: Path) -> float:
    """Wall seconds of a process."""
    started = time.monotonic()
    run(command, folder)
    return time.monotonic() - started


def run(command: list[str], folder: Path) -> None:
    """Run a command; show its last lines if it fails."""
    answer = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    if answer.returncode:
        print("\n".join((answer.stdout + answer.stderr).splitlines()[-20:]), file=sys.stderr)
        raise SystemExit(f"{command[0]} failed with {answer.returncode}")


if __name__ == "__main__":
    sys.exit(main())
