"""A minute under load with 20 version swaps, a rollback and a shadow: failed requests, and memory.

    .venv/bin/python benchmarks/rollout/run.py

Users ask for the label `stable` over gRPC and REST without retries, so that every failed request shows.
The swaps go through `Rollout` (the verb's own code): canary, promote, twenty times, then a rollback.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from solutionserve.client import Client, Shadow
from solutionserve.embedded import running
from solutionserve.rollout import Rollout

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks" / "serving"))
SWAPS, SECONDS = 20, 60.0
CONFIG = 'model_config_list { config { name: "m" base_path: "/models/m" model_platform: "tensorflow" } }'


def main() -> int:
    """Run; returns 1 if a request failed or memory grew."""
    from run import make_project  # type: ignore[import-not-found]  # that of benchmarks/serving

    from solutionserve.warmup import logged_inputs

    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder))
        newest = {name: max((project / "models" / name).iterdir()) for name in ("baseline", "deep")}
        inputs = {
            key: np.resize(value, 8) for key, value in logged_inputs(newest["deep"], "serving_raw").items()
        }
        return swap_under_load(Path(folder), list(newest.values()), inputs)


def swap_under_load(folder: Path, models: list[Path], inputs: dict[str, np.ndarray]) -> int:
    """Load, swap, roll back, and tell."""
    file, base = folder / "models.config", folder / "m"
    file.write_text(CONFIG)
    base.mkdir()

    def push(number: int) -> None:
        shutil.copytree(models[number % len(models)], base / f".{number}")
        (base / f".{number}").rename(base / str(number))

    push(1)
    push(2)
    with running(
        f"--model_config_file={file}",
        "--model_config_file_poll_wait_seconds=0.2",
        "--allow_version_labels_for_unavailable_models",
        f"--mount=/models={folder}",
        "--enable_batching",
    ) as server:
        Rollout(file, "m", base, server.grpc).canary()
        stop = threading.Event()
        counts = {"answered": 0, "failed": 0}
        versions: set[int] = set()
        first_error: list[str] = []
        shadow = Shadow(Client(server.grpc, "m", label="canary", retries=0), share=0.2)

        def use(address: str) -> None:
            with Client(address, "m", label="stable", retries=0, shadow=shadow) as client:
                while not stop.is_set():
                    try:
                        client.predict(inputs)
                        counts["answered"] += 1
                        versions.add(client.answered_by)
                    except Exception as error:
                        counts["failed"] += 1
                        first_error.append(str(error))

        users = [
            threading.Thread(target=use, args=[address])
            for address in (server.grpc, server.grpc, server.rest)
        ]
        memory: list[tuple[float, int]] = []

        def watch() -> None:
            while not stop.is_set():
                memory.append((time.monotonic(), resident(server.process.pid)))
                time.sleep(0.2)

        watcher = threading.Thread(target=watch)
        started = time.monotonic()
        for thread in (*users, watcher):
            thread.start()
        time.sleep(3)
        for number in range(SWAPS):
            if number:
                push(number + 2)
                Rollout(file, "m", base, server.grpc).canary()
            Rollout(file, "m", base, server.grpc).promote()
        Rollout(file, "m", base, server.grpc).rollback()
        time.sleep(max(0.0, SECONDS - (time.monotonic() - started)))
        stop.set()
        for thread in (*users, watcher):
            thread.join()
        report = shadow.close()
    seconds = memory[-1][0] - memory[0][0]
    third = len(memory) // 3
    early, late = (max(size for _, size in part) for part in (memory[:third], memory[-third:]))
    print(f"{seconds:.0f} s, {SWAPS} swaps and a rollback; {len(versions - {0})} versions answered over gRPC")
    print(f"{counts['answered']:,} requests answered, {counts['failed']} failed {first_error[:1]}")
    print(f"memory, MB: {memory[0][1]} at first; most in the first third {early}, the last {late}")
    print(f"shadow: {report}")
    grown = late > 1.1 * early
    return int(counts["failed"] > 0 or grown)


def resident(pid: int) -> int:
    """A process's resident memory in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


if __name__ == "__main__":
    sys.exit(main())
