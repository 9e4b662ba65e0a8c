"""The project that is run, and the processes that run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
USE_CASE, NAME = "customer_churn", "demo"
# The shim's modes.
KILL, FULL, DENIED = 1, 2, 4
SECONDS = 300
# What changes in the declaration, and after which other change's run.
AFTER = {"first threshold again": "another threshold"}
EDITS = {
    # Few steps, and any model may go live.
    "new": {"epochs = 60": "epochs = 1", "roc_auc = 0.7": "roc_auc = 0.1"},
    "another threshold": {"false_positive = -15": "false_positive = -60"},
    "first threshold again": {"false_positive = -60": "false_positive = -15"},
    "another training": {"seed = 20": "seed = 21", "epochs = 1": "epochs = 2"},
}


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: Its exit code, or minus the signal that ended it.
        points: Call and path of all points that it came to.
        struck: That at which the shim struck; empty if the run never came to it.
        said: The end of what it printed.
    """

    status: int
    points: list[str]
    struck: str
    said: str


class Runs:
    """Runs `solutionkit run` of one library again and again, each time with a fault or without."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.folder = folder
        shim = compiled(folder)
        self.environment = environment(library)
        self.server = subprocess.Popen(
            [sys.executable, str(HERE / "server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "server.log").open("w"),
            text=True,
            env={**self.environment, "LD_PRELOAD": str(shim)},
        )
        hello = self.answer()
        self.decision_file: str = hello["decision_file"]
        if not Path(hello["library"]).is_relative_to(library):
            raise SystemExit(f"{hello['library']} was imported instead of the library in {library}")
        self.ended = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.server.stdin
        self.server.stdin.close()
        self.server.wait()

    def answer(self) -> dict[str, Any]:
        """The server's next line."""
        assert self.server.stdout
        line = self.server.stdout.readline()
        if not line:
            raise SystemExit("the runs' process ended:\n" + (self.folder / "server.log").read_text()[-2000:])
        found: dict[str, Any] = json.loads(line)
        return found

    def run(self, project: Path, mode: int = 0, at: int = 0) -> Outcome:
        """Run with the `at`-th point struck; with 0 all points of the mode are only counted."""
        assert self.server.stdin
        # Versions are seconds, and nobody starts the next run within the same one.
        while int(time.time()) == self.ended:
            time.sleep(0.02)
        report, output = self.folder / "report", self.folder / "output"
        report.unlink(missing_ok=True)
        request = {"project": str(project), "mode": mode, "at": at, "seconds": SECONDS}
        request |= {"report": str(report), "output": str(output)}
        print(json.dumps(request), file=self.server.stdin, flush=True)
        status = self.answer()["status"]
        self.ended = int(time.time())
        lines = report.read_text().splitlines() if report.exists() else []
        said = "\n".join(output.read_text(errors="replace").splitlines()[-3:])
        return Outcome(status, lines, lines[at - 1] if 0 < at <= len(lines) else "", said)


def environment(library: Path) -> dict[str, str]:
    """The environment of a process that imports a library's checkout."""
    places = os.pathsep.join(str(library / name) for name in ("shared", "serving"))
    return {**os.environ, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"}


def compiled(folder: Path) -> Path:
    """The shim as a library."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        raise SystemExit(
            "the faults come from a small C library on Linux, and no compiler was found;"
            " on Debian and Ubuntu: apt-get install gcc libc6-dev"
        )
    shim = folder / "shim.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(shim), str(HERE / "shim.c"), "-ldl"]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        raise SystemExit(f"{compiler} cannot compile shim.c:\n{answer.stderr}")
    return shim


def generated(library: Path, folder: Path, rows: int) -> Path:
    """A churn project of a library's templates with few rows, never run."""
    command = [str(BIN / "cookiecutter"), str(library), "--no-input", "--output-dir", str(folder)]
    command += [f"use_case={USE_CASE}", f"project_slug={NAME}"]
    run_quietly(command, folder, library)
    run_quietly(
        [sys.executable, "-m", "solutionkit.cli", "sample", "--rows", str(rows)], folder / NAME, library
    )
    edit(folder / NAME, "new")
    return folder / NAME


def edit(project: Path, name: str) -> None:
    """Change a project's declaration."""
    file = project / "use_case.toml"
    text = file.read_text()
    for old, new in EDITS[name].items():
        assert old in text, f"{file} has no {old!r}"
        text = text.replace(old, new)
    file.write_text(text)


def restore(snapshot: Path, project: Path) -> None:
    """Put a project back; at the same place, because the pipeline's memory holds whole paths."""
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(snapshot, project, symlinks=True)


def run_quietly(command: list[str], folder: Path, library: Path) -> None:
    """Run a command; show its end if it fails."""
    answer = subprocess.run(command, cwd=folder, env=environment(library), capture_output=True, text=True)
    if answer.returncode:
        raise SystemExit(f"{command[0]} failed:\n{(answer.stdout + answer.stderr)[-2000:]}")
