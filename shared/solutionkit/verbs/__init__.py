"""What the command line's verbs do."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable

Verb = Callable[[argparse.Namespace], int]


def _lazily(name: str) -> Verb:
    """A verb whose module is imported when it is called."""

    def call(options: argparse.Namespace) -> int:
        verb: Verb = importlib.import_module(f"solutionkit.verbs.{name.replace('-', '_')}").main
        return verb(options)

    return call


VERBS: dict[str, Verb] = {
    name: _lazily(name)
    for name in (
        "check",
        "run",
        "report",
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
