"""`solutionkit doctor`: what of the environment is missing and how to get it."""

from __future__ import annotations

import argparse
import ctypes
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from solutionkit.verbs import silent

OLDEST_GLIBC = (2, 39)
PACKAGES = (
    ("tfx", "pipelines"),
    ("tensorflow", "the models"),
    ("keras", "the deep model"),
    ("lightgbm", "the baseline"),
    ("numba", "explanations"),
    ("tensorflow-model-analysis", "the Evaluator"),
    ("ml-metadata", "the pipeline's memory"),
)
NEEDED_DISK_GB = 1.0
ADVISED_MEMORY_GB = 4.0
ENGINE_SECONDS = 20


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report; `remedy` is empty if all is well."""

    subject: str
    found: str
    remedy: str = ""
    fatal: bool = True


def main(options: argparse.Namespace) -> int:
    """Print the findings; 1 if something must be mended."""
    checks: list[Callable[[], list[Finding]]] = [python, c_library, packages, machine]
    findings = [finding for check in checks for finding in check()]
    findings += project(options.project)
    for item in findings:
        mark = "ok  " if not item.remedy else "MEND" if item.fatal else "note"
        print(
            f"{mark}  {item.subject:12} {item.found}"
            + (f"\n      {'':12} -> {item.remedy}" if item.remedy else "")
        )
    broken = [item for item in findings if item.remedy and item.fatal]
    print(f"\n{len(broken)} to mend" if broken else "\nall that is needed is here")
    return 1 if broken else 0


def python() -> list[Finding]:
    """Whether this Python is one that TFX supports."""
    version = platform.python_version()
    remedy = "" if (3, 11) <= sys.version_info[:2] <= (3, 13) else "use Python 3.11, 3.12 or 3.13"
    return [Finding("Python", f"{version} in {sys.prefix}", remedy)]


def c_library() -> list[Finding]:
    """Whether the wheels of ml-metadata and TFDV can be loaded."""
    if platform.system() == "Darwin":
        remedy = (
            "" if platform.machine() == "arm64" else "TFX has no wheels for Intel Macs: use the container"
        )
        return [Finding("platform", f"macOS {platform.machine()}", remedy)]
    name, version = platform.libc_ver()
    new_enough = name == "glibc" and tuple(map(int, version.split(".")[:2])) >= OLDEST_GLIBC
    private = "ld-linux" in _interpreter_loader() and ".venv" in _interpreter_loader()
    library = f"{name} {version}" + (" (private, in .venv; the system's own is untouched)" if private else "")
    return [Finding("C library", library, "" if new_enough else "run 'make setup', or use the container")]


def packages() -> list[Finding]:
    """Whether the main packages are installed."""
    findings = []
    for name, purpose in PACKAGES:
        try:
            findings.append(Finding(name, f"{importlib.metadata.version(name)} ({purpose})"))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(name, f"not installed ({purpose})", "run 'make setup'"))
    return [*findings, openmp()]


def openmp() -> Finding:
    """Whether the OpenMP library that LightGBM's wheel leaves to the system is there."""
    name = "libomp.dylib" if platform.system() == "Darwin" else "libgomp.so.1"
    remedy = "brew install libomp" if platform.system() == "Darwin" else "apt-get install libgomp1"
    try:
        ctypes.CDLL(name)
    except OSError:
        return Finding("OpenMP", f"{name} is missing (the baseline)", remedy)
    return Finding("OpenMP", f"{name} (the baseline)")


def machine() -> list[Finding]:
    """Disk, memory, cores and the container engine."""
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return [
        Finding(
            "disk", f"{free:.0f} GB free", "" if free > NEEDED_DISK_GB else "free at least 1 GB for artifacts"
        ),
        Finding(
            "memory",
            f"{memory:.0f} GB, {os.cpu_count()} cores",
            "" if memory > ADVISED_MEMORY_GB else "below 4 GB large tables may not fit",
            fatal=False,
        ),
        container(),
    ]


def container() -> Finding:
    """Whether a container engine is there, and answers."""
    there = [name for name in ("podman", "docker") if shutil.which(name)]
    said = ""
    for name in there:
        try:
            answer = subprocess.run(
                [name, "info"], capture_output=True, text=True, timeout=ENGINE_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            said = said or f"{name} does not answer: {type(error).__name__}"
            continue
        if answer.returncode == 0:
            return Finding("container", name)
        last = (answer.stderr.strip().splitlines() or [f"exit {answer.returncode}"])[-1]
        said = said or f"{name} does not answer: {last}"
    remedy = "start it; only needed for 'make image'" if there else "only needed for 'make image'"
    return Finding("container", said or "no podman or docker", remedy, fatal=False)


def project(folder: Path) -> list[Finding]:
    """Whether the folder is a generated project with a valid declaration."""
    try:
        with silent():
            from solutionkit.declaration import FILE_NAME
            from solutionkit.errors import UserError
            from solutionkit.use_case import load_project
    except ImportError as error:
        return [Finding("project", f"cannot be read: {error}", "run 'make setup'")]

    if not (folder / FILE_NAME).is_file():
        return [Finding("project", f"none in {folder.resolve()}", "cd into a generated project", fatal=False)]
    try:
        with silent():
            loaded = load_project(folder)
            loaded.use_case  # noqa: B018  (imports the project's code)
        return [Finding("project", f"{loaded.use_case.title} in {loaded.folder}")]
    except UserError as error:
        return [Finding("project", str(error), "mend use_case.toml")]


def _interpreter_loader() -> str:
    """The loader that this process's program was started with, from its memory map."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split()[-1] for line in lines if "ld-linux" in line), "")
