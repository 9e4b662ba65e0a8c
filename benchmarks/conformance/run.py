"""TensorFlow Serving's own model-server tests, unmodified, against solutionserve: one line a case.

    git clone --depth 1 https://github.com/tensorflow/serving /somewhere
    python benchmarks/conformance/run.py --source /somewhere

The tests start the server themselves, by the name of its binary; here that name is a script that starts
`python -m solutionserve` with the same flags.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = "tensorflow_serving/model_servers/tensorflow_model_server_test.py"
# The tests' own package lies beside the published one, which has only the protocol.
START = """
import runpy, sys, tensorflow_serving
tensorflow_serving.__path__.append(sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
KINDS = {
    "general SavedModel": re.compile(r"saved_model_save"),
    "TFLite": re.compile(r"TfLite"),
    "profiler, tf.text": re.compile(r"profiler|tf_text"),
}
OUTCOMES = {"OK": "passes", "FAILED": "fails", "SKIPPED": "skipped"}


def main() -> int:
    """Run the tests and print the table; returns 1 if a black-box or SavedModel case fails."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--source", type=Path, help="a checkout of tensorflow/serving")
    given = parser.parse_args().source
    if given is None:
        print("skipped: --source is needed, a checkout of tensorflow/serving")
        return 0
    source = given.resolve()
    if not (source / TESTS).is_file():
        print(f"error: {source / TESTS}: not found; --source must be a checkout", file=sys.stderr)
        return 1
    outcomes = cases(run(source))
    failed = 0
    print("| case | kind | outcome |\n|---|---|---|")
    for name, outcome in outcomes.items():
        kind = next((kind for kind, pattern in KINDS.items() if pattern.search(name)), "black box")
        failed += outcome == "fails" and kind in ("black box", "general SavedModel")
        print(f"| {name} | {kind} | {outcome} |")
    print(f"\n{sum(outcome == 'passes' for outcome in outcomes.values())} of {len(outcomes)} pass")
    return int(failed > 0)


def run(source: Path) -> str:
    """The tests' output."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tf_serving")
        binary = tree / "tensorflow_serving/model_servers/tensorflow_model_server"
        binary.parent.mkdir(parents=True)
        binary.write_text(f'#!/bin/sh\nexec {sys.executable} -m solutionserve "$@"\n')
        binary.chmod(0o755)
        data = "servables/tensorflow/testdata"
        (tree / "tensorflow_serving/servables/tensorflow").mkdir(parents=True)
        (tree / "tensorflow_serving" / data).symlink_to(source / "tensorflow_serving" / data)
        answer = subprocess.run(
            [sys.executable, "-c", START, str(source / "tensorflow_serving"), str(source / TESTS)],
            # The tests were written for Keras 2, which names a model's input after its layer.
            env={**os.environ, "TEST_SRCDIR": folder, "TF_USE_LEGACY_KERAS": "1"},
            cwd=folder,
            capture_output=True,
            text=True,
        )
    return answer.stdout + answer.stderr


def cases(output: str) -> dict[str, str]:
    """Each case's outcome; the framework's own `test_session` is none."""
    found = re.findall(r"^\[ +(OK|FAILED|SKIPPED) +\] \w+\.(\w+)", output, re.M)
    return {name: OUTCOMES[outcome] for outcome, name in found if name != "test_session"}


if __name__ == "__main__":
    sys.exit(main())
