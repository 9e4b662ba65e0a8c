"""Every use case compiled, run to Pusher in an emulated Kubeflow Pipelines, and beside it on this machine.

make setup && .venv/bin/python benchmarks/kubeflow/run.py [--use-cases …] [--containers podman|namespaces]

Open-source KFP 2.17 semantics, emulated (tests/emulated_kubeflow): acceptance, driver, launcher and an
object store that speaks S3's protocol; each component runs by its own image, command and arguments without a
network. What is compared is `comparison.json` without its times. With podman each project's image is built
from its own Containerfile, and its size told.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from emulated_kubeflow.acceptance import accept
from emulated_kubeflow.backend import DECLARED, TIMES, Backend, object_store, timeless
from emulated_kubeflow.containers import Containers, Namespaces, Podman
from emulated_kubeflow.image import build, podman_works

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# The least that each use case's sample can do with, and how long its network learns.
SMALLEST = {
    "customer_churn": (3000, 8),
    "fraud_detection": (40_000, 8),
    "demand_forecasting": (14_600, None),
    "support_tickets": (3000, None),
    "defect_inspection": (600, 4),
    "medical_imaging": (400, 2),
}
RESOURCES = """
[kubeflow.resources]
default = {cpu = 1, memory = "4Gi"}
"Trainer.deep" = {cpu = 2, memory = "8Gi"}
"""


def main() -> None:
    """Run them, and print a table a use case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--use-cases", nargs="*", default=list(SMALLEST), choices=list(SMALLEST))
    parser.add_argument("--containers", choices=("podman", "namespaces"), default="namespaces")
    parser.add_argument("--base", help="with podman: the image to begin with (default: one is made)")
    parser.add_argument(
        "--build-volume",
        nargs="*",
        default=[],
        metavar="SOURCE:TARGET",
        help="with podman: what builds see beside, e.g. how this machine reaches its package sources",
    )
    options = parser.parse_args()
    if options.containers == "podman" and not podman_works():
        sys.exit("podman or debootstrap is not here: apt-get install podman runc debootstrap")
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores; containers: {options.containers}\n")
    unequal = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.use_cases:
            folder = Path(scratch) / name
            folder.mkdir()
            if not judged(name, folder, options, Path(scratch)):
                unequal.append(name)
            shutil.rmtree(folder)
    if unequal:
        sys.exit(f"not as on this machine: {', '.join(unequal)}")


def judged(name: str, folder: Path, options: argparse.Namespace, shared: Path) -> bool:
    """One use case here and there; whether it gave the same."""
    project = generated(name, folder)
    yaml = project / "kubeflow" / "pipeline.yaml"
    accept(yaml.read_text())
    started = time.monotonic()
    solutionkit(project, "run")
    alone = time.monotonic() - started
    here = json.loads((project / "runs" / "latest" / "run.json").read_text())["seconds"]
    image, built = f"localhost/{project.name}:1", None
    containers: Containers = Namespaces(image, project, "/home/solution/project")
    if options.containers == "podman":
        built = build(project, image, shared, options.base, options.build_volume)
        containers = Podman()
    models, pods = folder / "models", folder / "pods"
    for place in (models, pods):
        place.mkdir()
        place.chmod(0o777)
    with object_store() as (client, _):
        backend = Backend(client, containers, {"models": models}, pods)
        run = backend.run(yaml.read_text())
        if run.state != "SUCCEEDED":
            print(f"{name}: {run.failed} failed: {run.error}")
            return False
        there = json.loads((backend.output(run, "compare", "comparison") / "comparison.json").read_text())
    pushed = list(models.glob("live/*/*/saved_model.pb"))
    local = json.loads((project / "runs" / "latest" / "comparison.json").read_text())
    same = timeless(there) == timeless(local)
    size = f", image {built.size / 1e9:.2f} GB" if built else ""
    print(f"## {name}: {alone:.0f} s here, {run.total:.0f} s emulated{size}\n")
    print("| component | here, s | its container, s |\n|---|---:|---:|")
    for task, seconds in run.seconds.items():
        node = next(item for item in here if item.lower().replace(".", "") == task.replace("-", ""))
        print(f"| {node} | {here[node]:.1f} | {seconds:.1f} |")
    verdict = "equal but for times" if same else f"DIFFERENT in {', '.join(differing(there, local))}"
    pushes = "pushed as a version" if pushed else f"nothing pushed (selected: {local['selected']})"
    print(f"\ncomparison.json {verdict}; {pushes}\n", flush=True)
    return same and bool(pushed) == (local["selected"] is not None)


def generated(name: str, folder: Path) -> Path:
    """A freshly generated project with a small sample, compiled."""
    slug = f"{name}_demo"
    answers = [f"use_case={name}", "project_name=Demo", f"project_slug={slug}"]
    command = [str(BIN / "cookiecutter"), str(ROOT), "--no-input", "--output-dir", str(folder), *answers]
    subprocess.run(command, check=True, capture_output=True)
    project = folder / slug
    rows, epochs = SMALLEST[name]
    declared = project / "use_case.toml"
    lines = [line for line in declared.read_text().splitlines() if not line.startswith("epochs")]
    text = "\n".join(lines).replace(
        "[training]", f"[training]\nepochs = {epochs}" if epochs else "[training]"
    )
    declared.write_text(text + "\n" + DECLARED.format(image=f"localhost/{slug}:1") + RESOURCES)
    solutionkit(project, "sample", "--rows", str(rows))
    solutionkit(project, "kubeflow", "compile")
    return project


def solutionkit(project: Path, *arguments: str) -> None:
    """The command line in a project's folder."""
    answer = subprocess.run(
        [str(BIN / "solutionkit"), *arguments], cwd=project, capture_output=True, text=True
    )
    if answer.returncode != 0:
        sys.exit(f"solutionkit {' '.join(arguments)}: {answer.stdout}{answer.stderr}")


def differing(one: Any, other: Any, place: str = "") -> list[str]:
    """Keys whose values are not the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other} - TIMES)
        return [item for key in keys for item in differing(one.get(key), other.get(key), f"{place}.{key}")]
    return [] if timeless(one) == timeless(other) else [place]


if __name__ == "__main__":
    main()
