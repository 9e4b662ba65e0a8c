"""Imports TFX and the library once and forks a process for each run that `run.py` asks for.

Reads one JSON object a line, `{"project", "mode", "at", "report", "output", "seconds"}`, and answers
each with `{"status", "seconds"}`: the exit code, or minus the signal that ended the run.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pkgutil
import signal
import sys
import time
from typing import Any

# What a run imports when it comes to it.
LATER = (
    "lightgbm",
    "shap",
    "matplotlib.pyplot",
    "sklearn.metrics",
    "tfx.orchestration.local.local_dag_runner",
)


def main() -> None:
    """Import, then serve until the input ends."""
    from solutionkit.environment import prepare_environment

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    prepare_environment()
    import solutionkit
    from solutionkit.examples.columns import DECISION_FILE

    for module in pkgutil.walk_packages(solutionkit.__path__, "solutionkit."):
        importlib.import_module(module.name)
    for name in LATER:
        importlib.import_module(name)
    answer: dict[str, Any] = {"decision_file": DECISION_FILE, "library": solutionkit.__file__}
    print(json.dumps(answer), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        started = time.monotonic()
        status = forked(request)
        answer = {"status": status, "seconds": time.monotonic() - started}
        print(json.dumps(answer), file=answers, flush=True)


def forked(request: dict[str, Any]) -> int:
    """Run once in a process of its own; ends it after the time it has."""
    child = os.fork()
    if child == 0:
        try:
            run(request)
        finally:
            os._exit(70)
    deadline = time.monotonic() + request["seconds"]
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGTERM)
            time.sleep(1)
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return -signal.SIGALRM
        time.sleep(0.01)


def run(request: dict[str, Any]) -> None:
    """`solutionkit run` in this process, with the shim armed."""
    import solutionkit.cli

    os.setpgrp()
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(request["project"])
    shim = ctypes.CDLL(None)
    shim.faults_arm(
        request["project"].encode(),
        request["mode"],
        ctypes.c_long(request["at"]),
        request["report"].encode(),
    )
    try:
        status = solutionkit.cli.main(["run"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
