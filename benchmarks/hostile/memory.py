"""A process's memory: how much at most, and a group that it cannot grow beyond."""

from __future__ import annotations

import threading
import time
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
GROUP_BYTES = 4 << 30
SAMPLE_SECONDS = 0.01


def resident(process: int) -> float:
    """Memory of a process in MB."""
    return _status(process, "VmRSS")


def _status(process: int, key: str) -> float:
    """A figure of a process in MB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(key)), 0.0)


class Peak:
    """The most memory that a process has between the beginning and the end of a block, in MB."""

    def __init__(self, process: int) -> None:
        self.megabytes = 0.0
        self._process = process
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        # "5" sets the kernel's own high-water mark back.
        Path(f"/proc/{self._process}/clear_refs").write_text("5")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            # Sampled as well, since a killed process leaves no mark behind.
            self.megabytes = max(self.megabytes, _status(self._process, "VmHWM"))
            time.sleep(SAMPLE_SECONDS)
        self.megabytes = max(self.megabytes, _status(self._process, "VmHWM"))


class MemoryGroup:
    """A control group with a memory limit, where the system lets us make one.

    Attributes:
        folder: The group's folder, or None.
    """

    def __init__(self, name: str) -> None:
        self.folder = next((folder for folder in _candidates(name) if _made(folder)), None)

    @property
    def kills(self) -> int:
        """How often the kernel has ended a process of the group for its memory."""
        if self.folder is None:
            return 0
        for file in ("memory.oom_control", "memory.events"):
            if (self.folder / file).is_file():
                lines = (self.folder / file).read_text().splitlines()
                return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
        return 0

    def close(self) -> None:
        """Remove the group, once its processes are gone."""
        for _ in range(50):
            try:
                if self.folder:
                    self.folder.rmdir()
                return
            except OSError:
                time.sleep(0.1)


def _candidates(name: str) -> list[Path]:
    """Where a group may be made: below our own, or at the top; version 1, then version 2."""
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        root = GROUPS / "memory" if kinds == "memory" else GROUPS
        if kinds in ("memory", ""):
            found += [root / path.lstrip("/") / name, root / name]
    return found


def _made(folder: Path) -> bool:
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return False
    for file in ("memory.limit_in_bytes", "memory.max"):
        try:
            if (folder / file).is_file():
                (folder / file).write_text(str(GROUP_BYTES))
                return True
        except OSError:
            continue
    folder.rmdir()
    return False
