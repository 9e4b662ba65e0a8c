"""Runs a container's command without a network: by podman, else in namespaces over this machine's own files."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 1800


@dataclass(frozen=True)
class Mount:
    """A folder of this machine, and where the container sees it."""

    source: Path
    target: str


class Containers(Protocol):
    """Runs an image's command; the exit code is all that counts."""

    def run(
        self, image: str, command: list[str], environment: dict[str, str], mounts: list[Mount], log: Path
    ) -> int: ...


@dataclass
class Podman:
    """The image itself: its user, no capabilities, its files read-only."""

    def run(
        self, image: str, command: list[str], environment: dict[str, str], mounts: list[Mount], log: Path
    ) -> int:
        told = ["--rm", "--network", "none", "--read-only", "--cap-drop", "all", "--entrypoint", ""]
        told += ["--security-opt", "no-new-privileges", *LIMITS, "--pull", "never"]
        for mount in mounts:
            told += ["--volume", f"{mount.source}:{mount.target}"]
        for name, value in environment.items():
            told += ["--env", f"{name}={value}"]
        with log.open("wb") as stream:
            return subprocess.run(
                ["podman", "run", *told, image, *command], stdout=stream, stderr=stream, timeout=SECONDS
            ).returncode


# Podman of Debian 12 asks for more than a machine may allow.
LIMITS = ["--ulimit", "nofile=16384:16384", "--ulimit", "nproc=16384:16384", "--runtime", "runc"]


@dataclass
class Namespaces:
    """This machine's files, read-only, with a project where the image would have it; no other image exists.

    Attributes:
        image: What the pipeline calls it.
        project: The generated project that the image would hold.
        place: Where it would hold it.
    """

    image: str
    project: Path
    place: str

    def run(
        self, image: str, command: list[str], environment: dict[str, str], mounts: list[Mount], log: Path
    ) -> int:
        if image != self.image:
            log.write_text(f"ErrImagePull: {image}\n")
            return 1
        venv = Path(sys.executable).parent
        variables = {
            "PATH": f"{venv}:/usr/local/bin:/usr/bin:/bin",
            "HOME": "/tmp",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": f"{REPOSITORY / 'shared'}:{REPOSITORY / 'serving'}",
            "SOLUTIONKIT_FETCHED": "/tmp/fetched",
            **environment,
        }
        bound = [Mount(self.project, self.place), *mounts]
        with tempfile.TemporaryDirectory() as scratch:
            top = Path(scratch) / "layers"
            root = top / "root"
            script = [
                "set -e",
                f"mkdir {top}",
                f"mount -t tmpfs tmpfs {top}",
                f"mkdir {top}/upper {top}/work {root}",
                f"mount -t overlay overlay -o lowerdir=/,upperdir={top}/upper,workdir={top}/work {root}",
                *(
                    line
                    for mount in bound
                    for line in (
                        f"mkdir -p {root}{mount.target}",
                        f"mount --bind {shlex.quote(str(mount.source))} {root}{mount.target}",
                    )
                ),
                f"mount -o remount,bind,ro {root}{self.place}",
                f"mount --rbind /proc {root}/proc",
                f"mount --rbind /dev {root}/dev",
                f"mount -o remount,ro {root}",
                f"exec chroot {root} env -i {assignments(variables)}"
                f' sh -c \'cd {self.place} && exec "$@"\' sh "$@"',
            ]
            unshared = ["unshare", "--mount", "--net", "--ipc", "--fork", "--kill-child"]
            with log.open("wb") as stream:
                return subprocess.run(
                    [*unshared, "sh", "-c", "\n".join(script), "sh", *command],
                    stdout=stream,
                    stderr=stream,
                    timeout=SECONDS,
                ).returncode


def assignments(variables: dict[str, str]) -> str:
    return " ".join(shlex.quote(f"{name}={value}") for name, value in variables.items())


def namespaces_allowed() -> bool:
    """Whether this machine lets us mount and unshare."""
    if not shutil.which("unshare") or os.geteuid() != 0:
        return False
    script = 'mkdir "$1/a" "$1/b" && mount -t tmpfs tmpfs "$1/a" && mkdir "$1/a/up" "$1/a/work" &&'
    script += ' mount -t overlay overlay -o "lowerdir=/,upperdir=$1/a/up,workdir=$1/a/work" "$1/b"'
    with tempfile.TemporaryDirectory() as folder:
        tried = ["unshare", "--mount", "--net", "sh", "-c", script, "sh", folder]
        return subprocess.run(tried, capture_output=True).returncode == 0
