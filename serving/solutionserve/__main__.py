"""`python -m solutionserve --model_name=… --model_base_path=…`."""

from __future__ import annotations

import importlib.metadata
import os
import sys

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
    from solutionserve.server import serve

    return serve(flags)


if __name__ == "__main__":
    sys.exit(main())
