"""The server under attack: a copy of it from any folder, in a memory group, with few descriptors."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile.memory import MemoryGroup, resident

from solutionserve.client import Client
from solutionserve.embedded import READY, START_SECONDS, free_port

HOST = "127.0.0.1"
DESCRIPTORS = 1024
FLAGS = ("--enable_batching", "--allow_version_labels_for_unavailable_models")
# What a server may keep of an attack, in MB, before a fresh one takes its place.
KEPT = 50.0
# The group must have the process before it takes any memory.
IN_GROUP = 'echo $$ > "$0/cgroup.procs" && exec "$@"'


@dataclass
class Server:
    """A running server.

    Attributes:
        process: Its process.
        grpc: Its gRPC port.
        rest: Its REST port.
        log: What it writes to standard error.
        idle: Its memory when fresh, in MB.
    """

    process: subprocess.Popen[bytes]
    grpc: int
    rest: int
    log: Path
    idle: float = 0.0

    @property
    def addresses(self) -> list[str]:
        """Those of both APIs."""
        return [f"{HOST}:{self.grpc}", f"http://{HOST}:{self.rest}"]

    def usable(self) -> bool:
        """Whether it lives, answers rightly, and has given memory back."""
        if self.process.poll() is not None or resident(self.process.pid) > self.idle + KEPT:
            return False
        try:
            for address in self.addresses:
                with Client(address, "half_plus_two", label="stable", timeout=5, retries=0) as client:
                    if list(client.predict({"x": [2.0]})["y"]) != [3.0]:
                        return False
        except Exception:
            return False
        return True


class Servers:
    """Gives a server that is fit to be attacked: the last one, or a fresh one.

    Args:
        serving: Folder of the server's code.
        config: A models.config.
        group: Where its memory is limited.
    """

    def __init__(self, serving: Path, config: Path, group: MemoryGroup) -> None:
        self._serving, self._config, self._group = serving, config, group
        self._folder = tempfile.TemporaryDirectory()
        self._server: Server | None = None
        self._number = 0

    def fit(self) -> Server:
        """The server to attack next."""
        if self._server is None or not self._server.usable():
            self.discard()
            self._server = self._start()
        return self._server

    def discard(self) -> None:
        """End the present server."""
        if self._server:
            # Not asked to stop: one under attack may take a minute to drain.
            self._server.process.kill()
            self._server.process.wait()
        self._server = None

    def close(self) -> None:
        """End the present server for good."""
        self.discard()
        self._folder.cleanup()

    def _start(self) -> Server:
        self._number += 1
        log = Path(self._folder.name, f"{self._number}.log")
        ports = free_port(), free_port()
        command = [sys.executable, "-m", "solutionserve", f"--model_config_file={self._config}", *FLAGS]
        command += [f"--port={ports[0]}", f"--rest_api_port={ports[1]}", f"--host={HOST}"]
        if self._group.folder:
            command = ["sh", "-c", IN_GROUP, str(self._group.folder), *command]
        environment = {**os.environ, "PYTHONPATH": str(self._serving)}
        with log.open("wb") as file:
            process = subprocess.Popen(command, stderr=file, stdout=subprocess.DEVNULL, env=environment)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        server = Server(process, *ports, log)
        self._wait(server)
        return server

    def _wait(self, server: Server) -> None:
        """Wait until it listens and has answered a few times; what it then has is its idle memory."""
        end = time.monotonic() + START_SECONDS
        while READY not in server.log.read_text("utf-8", "replace"):
            if server.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"error: the server did not start:\n{server.log.read_text()[-2000:]}")
            time.sleep(0.05)
        for address in server.addresses:
            with Client(address, "half_plus_two", label="stable") as client:
                for _ in range(200):
                    client.predict({"x": [2.0]})
        server.idle = resident(server.process.pid)


def largest_request(serving: Path) -> int:
    """The server's own default for the largest request, in bytes."""
    asked = "from solutionserve.flags import parser; print(parser().parse_args([]).max_request_bytes)"
    environment = {**os.environ, "PYTHONPATH": str(serving)}
    answer = subprocess.run(
        [sys.executable, "-c", asked], env=environment, check=True, capture_output=True, text=True
    )
    return int(answer.stdout)
