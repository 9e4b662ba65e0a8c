"""Builds a generated project's image by podman, from its own Containerfile; its base where no registry is."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from emulated_kubeflow.containers import LIMITS, REPOSITORY

sys.path.insert(0, str(REPOSITORY))

from bootstrap import DONOR_SUITE, own_mirror

BASE = "localhost/python-base:latest"
# A Python image of the newest Debian, as the official one is.
PACKAGES = "python3,python3-dev,python3-venv,python3-pip,ca-certificates"
# How this machine reaches its package sources; an image is built with the same.
SETTINGS = ("/etc/pip.conf", "/etc/xdg/pip", "/root/.config/pip", "/etc/uv", "/etc/ssl/certs")


@dataclass(frozen=True)
class Image:
    """A built image.

    Attributes:
        tag: Its name.
        size: Its layers' bytes, uncompressed.
    """

    tag: str
    size: int


def build(project: Path, tag: str, folder: Path, base: str | None = None) -> Image:
    """Build a project's image.

    Args:
        project: The generated project.
        tag: What to call it.
        folder: For what the build needs beside.
        base: An image to begin with; one is made by debootstrap where none is named.
    """
    if base is None and subprocess.run(["podman", "image", "exists", BASE]).returncode != 0:
        make_base(folder)
    apt = folder / "apt"
    if not apt.exists():
        # Under the base's own release.
        shutil.copytree("/etc/apt", apt)
        for file in apt.rglob("*.sources"):
            lines = file.read_text().splitlines()
            named = [line for line in lines if line.startswith("Suites:")]
            for line in named:
                release = line.split()[1].partition("-")[0]
                lines = [item.replace(release, DONOR_SUITE["debian"]) for item in lines]
            file.write_text("\n".join(lines) + "\n")
    uv = folder / "uv"
    uv.mkdir(exist_ok=True)
    (uv / "uv.toml").write_text("native-tls = true\n")
    places = {str(apt): "/etc/apt", str(uv): "/etc/uv"}
    places |= {
        item: item for item in [*SETTINGS, *local_indexes()] if Path(item).exists() and item != "/etc/uv"
    }
    volumes = [part for source, target in places.items() for part in ("--volume", f"{source}:{target}:ro")]
    command = ["podman", "build", "--network", "host", *LIMITS, *volumes, "--tag", tag]
    command += ["--build-arg", f"BASE_IMAGE={base or BASE}", "--file", "Containerfile", "."]
    answer = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
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
    assert packed.wait() == 0
    shutil.rmtree(root)


def local_indexes() -> list[str]:
    """Folders that pip's settings name for packages."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True)
    words = listed.stdout.replace("'", " ").replace("file://", " ").replace("\\n", " ").split()
    folders = {word for word in [*words, os.environ.get("PIP_FIND_LINKS", "")] if word.startswith("/")}
    return sorted(folder for folder in folders if Path(folder).is_dir())


def podman_works() -> bool:
    """Whether there is a podman, and a debootstrap, that do something here."""
    if not shutil.which("podman") or not shutil.which("debootstrap"):
        return False
    return subprocess.run(["podman", "info"], capture_output=True).returncode == 0
