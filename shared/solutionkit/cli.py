"""The command `solutionkit`. Nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from solutionkit import __version__

SAMPLE_ROWS, SAMPLE_SEED = 15_000, 20


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(
        prog="solutionkit",
        description="Compare a baseline with a deep model, honestly; explain and ship the better.",
    )
    root.add_argument("--version", action="version", version=f"solutionkit {__version__}")
    root.add_argument(
        "--project", type=Path, default=Path(), help="the generated project's folder (default: here)"
    )
    verbs = root.add_subparsers(dest="verb", metavar="VERB", required=True)

    check = verbs.add_parser("check", help="audit the data against use_case.toml")
    check.add_argument("--data", type=Path, help="another CSV or Parquet file, or a folder of them")
    check.add_argument("--freeze", action="store_true", help="write the inferred schema to schema.pbtxt")
    check.add_argument("--schema", action="store_true", help="print all keys of use_case.toml and stop")

    run = verbs.add_parser("run", help="run the pipeline; prints the verdict and the report's path")
    run.add_argument("--data", type=Path, help="another CSV or Parquet file, or a folder of them")

    report = verbs.add_parser("report", help="print the newest report's path and verdict")
    report.add_argument("--open", action="store_true", help="open it in a browser")

    models = ("baseline", "deep", "pushed")
    predict = verbs.add_parser("predict", help="score a raw file")
    predict.add_argument("--input", type=Path, required=True, help="CSV or Parquet; no label needed")
    predict.add_argument("--output", type=Path, required=True, help="the CSV to write")
    predict.add_argument("--model", choices=models, default="pushed")

    explain = verbs.add_parser("explain", help="SHAP values of given rows")
    explain.add_argument("--input", type=Path, required=True, help="CSV or Parquet; no label needed")
    explain.add_argument("--output", type=Path, help="write a CSV of all contributions instead of a table")
    explain.add_argument("--model", choices=models, default="pushed")
    explain.add_argument("--rows", type=int, default=5, help="how many rows to print (default: 5)")

    sample = verbs.add_parser("sample", help="write the use case's sample data")
    sample.add_argument("--rows", type=int, default=SAMPLE_ROWS)
    sample.add_argument("--seed", type=int, default=SAMPLE_SEED)
    sample.add_argument("--output", type=Path, help="default: data/sample.csv")

    verbs.add_parser("doctor", help="say what of the environment is missing and how to get it")
    return root


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = parser().parse_args(arguments)

    from solutionkit import verbs
    from solutionkit.errors import UserError

    try:
        return verbs.VERBS[options.verb](options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; a later run goes on from what is done", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
