"""What work takes in memory, each piece in a process of its own that has everything imported."""

import subprocess
import sys

SCRIPT = """
import os
from pathlib import Path
{prepare}

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))

for name in {names}:
    if not os.fork():
        given = make(name)
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        kept = work(name, given)
        print(len(given), memory("VmHWM") - before, flush=True)
        os._exit(0)
    os.wait()
"""


def measured(prepare: str, names: list[str]) -> dict[str, tuple[int, int]]:
    """By name: the length of what `make(name)` gives, and the bytes that `work(name, given)` takes at most.

    Args:
        prepare: Imports, and the definitions of `make` and `work`.
        names: What to measure.
    """
    script = SCRIPT.format(prepare=prepare, names=names)
    answer = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{script}"],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    lines = [tuple(map(int, line.split())) for line in answer.stdout.splitlines()]
    return dict(zip(names, lines, strict=True))
