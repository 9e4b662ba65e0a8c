"""Builds a generated project's image by podman, from its own Containerfile; its base where no registry is."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emulated_kubeflow.containers import LIMITS, REPOSITORY

sys.path.insert(0, str(REPOSITORY))

from bootstrap import DONOR_SUITE, own_mirror

BASE = "localhost/python-base:latest"
# A Python image of the newest Debian, as the official one is.
PACKAGES = "python3,python3-dev,python3-venv,python3-pip,ca-certificates"


@dataclass(frozen=True)
class Image:
    """A built image.

    Attributes:
        tag: Its name.
        size: Its layers' bytes, uncompressed.
    """

    tag: str
    size: int


def build(
    project: Path, tag: str, folder: Path, base: str | None = None, volumes: Sequence[str] = ()
) -> Image:
    """Build a project's image.

    Args:
        project: The generated project.
        tag: What to call it.
        folder: For what the build needs beside.
        base: An image to begin with; one is made by debootstrap where none is named.
        volumes: What the build sees beside, as `SOURCE:TARGET`, e.g. the settings by which a machine
            reaches its package sources.
    """
    if base is None and subprocess.run(["podman", "image", "exists", BASE]).returncode != 0:
        make_base(folder)
    command = ["podman", "build", "--network", "host", *LIMITS, "--tag", tag]
    command += [part for volume in volumes for part in ("--volume", f"{volume}:ro")]
    command += ["--build-arg", f"BASE_IMAGE={base or BASE}", "--file", "Containerfile", "."]
    answer = subprocess.run(command, cwd=project, capture_output=True, text=True)
    if answer.returncode != 0:
        raise RuntimeError(f"podman build failed:\n{answer.stdout[-3000:]}{answer.stderr[-3000:]}")
    told = subprocess.run(["podman", "image", "inspect", tag], capture_output=True, text=True, check=True)
    return Image(tag, int(json.loads(told.stdout)[0]["Size"]))


def make_base(folder: Path) -> None:
    """A Debian with Python, from the machine's own mirror."""
    mirror, _ = own_mirror("debian")
    root = folder / "root"
    suite = DONOR_SUITE["debian"]
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(root), mirror]
    subprocess.run(command, capture_output=True, check=True)
    shutil.rmtree(root / "var" / "cache" / "apt" / "archives")
    shutil.rmtree(root / "var" / "lib" / "apt" / "lists")
    packed = subprocess.Popen(["tar", "--directory", str(root), "--create", "."], stdout=subprocess.PIPE)
    subprocess.run(["podman", "import", "-", BASE], stdin=packed.stdout, capture_output=True, check=True)
    if packed.wait() != 0:
        raise RuntimeError(f"tar could not pack {root}")
    shutil.rmtree(root)


def podman_works() -> bool:
    """Whether there is a podman, and a debootstrap, that do something here."""
    if not shutil.which("podman") or not shutil.which("debootstrap"):
        return False
    return subprocess.run(["podman", "info"], capture_output=True).returncode == 0
