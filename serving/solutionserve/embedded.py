"""A server of one's own, as a child process on free ports: for load tests and trials."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from solutionserve.errors import Code, ServingError

READY = "listening:"
START_SECONDS = 120.0


@dataclass(frozen=True)
class Running:
    """A server that listens.

    Attributes:
        grpc: Its gRPC address.
        rest: Its REST address.
        process: The process.
        log: What it writes to standard error.
    """

    grpc: str
    rest: str
    process: subprocess.Popen[bytes]
    log: Path


@contextlib.contextmanager
def running(*flags: str, python: str = sys.executable) -> Iterator[Running]:
    """A server with these flags, until the end of the block.

    Raises:
        ServingError: It ended before it listened; the message has its last words.
    """
    port, rest_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "server.log")
        command = [python, "-m", "solutionserve", f"--port={port}", f"--rest_api_port={rest_port}", *flags]
        with log.open("wb") as file:
            process = subprocess.Popen(command, stderr=file, stdout=subprocess.DEVNULL)
        try:
            _wait_until_ready(process, log)
            yield Running(f"localhost:{port}", f"http://localhost:{rest_port}", process, log)
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A TCP port on loopback that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while READY not in log.read_text("utf-8", "replace"):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            words = log.read_text("utf-8", "replace").strip().splitlines()[-5:]
            raise ServingError(Code.UNAVAILABLE, "the server did not start:\n" + "\n".join(words))
        time.sleep(0.05)
