"""What the command line's verbs do."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Verb = Callable[[argparse.Namespace], int]


@contextmanager
def silent() -> Iterator[None]:
    """Lose what is written to standard error, by C++ too: TensorFlow greets whoever imports it."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _lazily(name: str) -> Verb:
    """A verb whose module is imported when it is called."""

    def call(options: argparse.Namespace) -> int:
        with silent():
            verb: Verb = importlib.import_module(f"solutionkit.verbs.{name.replace('-', '_')}").main
        return verb(options)

    return call


VERBS: dict[str, Verb] = {
    name: _lazily(name)
    for name in (
        "init",
        "check",
        "run",
        "report",
        "runs",
        "models",
        "predict",
        "explain",
        "label-next",
        "serve",
        "rollout",
        "loadtest",
        "export",
        "sample",
        "eject",
        "deidentify",
        "audit",
        "kubeflow",
        "doctor",
    )
}
