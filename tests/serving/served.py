"""What tests of served versions need: laying them in place, waiting for them, what a server says."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from solutionserve.client import Client
from solutionserve.embedded import free_port

X = {"x": np.float32([2.0])}


def push(sample_models: Path, base: Path, number: int, like: int = 1) -> None:
    """Lay a version in place in one step, as a pipeline does."""
    draft = base / f".{number}"
    shutil.copytree(sample_models / "half_plus_two" / str(like), draft)
    draft.rename(base / str(number))


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


def versions(client: Client) -> dict[int, str]:
    return {item.version: item.state for item in client.status()}


def server_output(*flags: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "solutionserve", f"--port={free_port()}", *flags]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return answer.returncode, answer.stderr
