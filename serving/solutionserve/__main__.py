"""`python -m solutionserve --model_name=… --model_base_path=…`."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

from solutionserve.flags import parser


def main(arguments: list[str] | None = None) -> int:
    """Serve as the command line says; returns the exit code."""
    flags, unknown = parser().parse_known_args(arguments)
    if flags.version:
        print(f"solutionserve {importlib.metadata.version('solutionkit')}")
        return 0
    for flag in unknown:
        print(f"warning: the flag {flag} is unknown and ignored", file=sys.stderr)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    start_tensorflow()
    from solutionserve.server import serve

    return serve(flags)


def start_tensorflow() -> None:
    """Import TensorFlow and find its devices, without the lines it prints where there is no GPU."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    tf.get_logger().setLevel("ERROR")


if __name__ == "__main__":
    sys.exit(main())
