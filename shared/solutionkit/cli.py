"""The command `solutionkit`. Nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from solutionkit import __version__

# Of verbs that say more than their name.
EXAMPLES = {
    "init": "customers.xlsx --label churned",
    "run": "--data last_month.csv",
    "report": "--open",
    "runs": "compare 20260105-091500 latest",
    "predict": "--input new.csv --output scores.csv --reasons",
    "explain": "--input new.csv --rows 3",
    "label-next": "--input unlabelled.csv -n 50 --output to_label.csv",
    "export": "--format litert --output model.tflite",
    "sample": "--rows 3000",
    "rollout": "canary",
    "loadtest": "--rows 1,32 --concurrency 4",
    "eject": "network",
    "kubeflow": "submit --endpoint http://localhost:8080",
    "deidentify": "--input films --output clean --key key.csv",
}


class _Completion(argparse.Action):
    """Prints a shell's script and stops."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        del namespace, option_string
        import shtab

        print(shtab.complete(parser, shell=values))
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(
        prog="solutionkit",
        description="Compare a baseline with a deep model, honestly; explain and ship the better.",
    )
    root.add_argument(
        "--completion",
        action=_Completion,
        choices=("bash", "zsh", "tcsh"),
        help="print a script that completes commands: eval it, or put it where your shell looks",
    )
    root.add_argument("--version", action="version", version=f"solutionkit {__version__}")
    root.add_argument(
        "--project", type=Path, default=Path(), help="the generated project's folder (default: here)"
    )
    verbs = root.add_subparsers(dest="verb", metavar="VERB", required=True)

    init = verbs.add_parser("init", help="guess a first use_case.toml from a file, to be confirmed")
    init.add_argument("data", type=Path, metavar="FILE", help="CSV, Excel, Parquet or JSON lines")
    init.add_argument("--label", help="the column to predict (default: it is guessed)")
    init.add_argument("--write", action="store_true", help="put it in place (default: print it)")

    check = verbs.add_parser("check", help="audit the data against use_case.toml")
    check.add_argument("--data", type=Path, help="another file, or a folder, of the same kind")
    check.add_argument("--freeze", action="store_true", help="write the inferred schema to schema.pbtxt")
    check.add_argument("--schema", action="store_true", help="print all keys of use_case.toml and stop")

    run = verbs.add_parser("run", help="run the pipeline; prints the verdict and the report's path")
    run.add_argument("--data", type=Path, help="another file, or a folder, of the same kind")

    report = verbs.add_parser("report", help="print the newest report's path and verdict")
    report.add_argument("--open", action="store_true", help="open it in a browser")

    runs = verbs.add_parser("runs", help="the finished runs: list, look at, compare, take away")
    runs.add_argument("step", nargs="?", choices=("list", "show", "compare", "prune"), default="list")
    runs.add_argument("names", nargs="*", metavar="RUN", help="show: one; compare: two (default: the last)")
    runs.add_argument("--keep", type=int, default=10, help="prune: how many stay (default: 10)")
    runs.add_argument("--yes", action="store_true", help="prune: do it; without this it is only told")

    versions = verbs.add_parser("models", help="the pushed versions: from which run, how good, what is live")
    versions.add_argument("step", nargs="?", choices=("list",), default="list")

    models = ("simple", "baseline", "deep", "pushed")
    predict = verbs.add_parser("predict", help="score a raw file")
    predict.add_argument(
        "--input", type=Path, required=True, help="CSV, Parquet, JSON lines or images; no label needed"
    )
    predict.add_argument("--output", type=Path, required=True, help="the CSV to write")
    predict.add_argument("--model", choices=models, default="pushed")

    predict.add_argument(
        "--server", metavar="H:P", help="ask a running server: host:port (gRPC) or http://host:port (REST)"
    )
    history = "known transactions before those of the input (default: the project's data)"
    predict.add_argument("--history", type=Path, help=history)
    predict.add_argument(
        "--reasons",
        type=int,
        nargs="?",
        const=3,
        metavar="N",
        help="say of each alert, or text, why, in N reasons (3)",
    )
    predict.add_argument("--label", help="with --server: ask the version with this label, e.g. stable")
    predict.add_argument(
        "--audit-log", type=Path, help="add each prediction to a log that shows what is removed"
    )

    explain = verbs.add_parser("explain", help="SHAP values of given rows")
    explain.add_argument(
        "--input", type=Path, required=True, help="CSV, Parquet, JSON lines or images; no label needed"
    )
    explain.add_argument(
        "--output", type=Path, help="write a CSV of all contributions, of images a folder of heat maps"
    )
    explain.add_argument("--model", choices=models, default="pushed")
    explain.add_argument("--history", type=Path, help=history)
    explain.add_argument("--rows", type=int, default=5, help="how many rows to print (default: 5)")

    label = verbs.add_parser("label-next", help="which rows to label next: unsure and different ones")
    label.add_argument("--input", type=Path, required=True, help="rows without a label")
    label.add_argument("-n", dest="count", type=int, default=50, help="how many (default: 50)")
    label.add_argument("--output", type=Path, help="write them as CSV (default: print them)")
    label.add_argument("--model", choices=models, default="pushed")

    export = verbs.add_parser("export", help="write a model in another format, and say what that loses")
    export.add_argument(
        "--format", choices=("litert",), required=True, help="litert: quantised, for the edge"
    )
    export.add_argument("--output", type=Path, required=True, help="the file to write, e.g. model.tflite")
    export.add_argument("--model", choices=models, default="pushed")

    sample = verbs.add_parser("sample", help="write the use case's sample data")
    sample.add_argument("--rows", type=int, help="default: what the use case needs")
    sample.add_argument("--seed", type=int, help="the same gives the same data")
    sample.add_argument("--output", type=Path, help="default: data/sample.csv, of images data/sample/")

    serve = verbs.add_parser("serve", help="serve the pushed model over TensorFlow Serving's protocol")
    serve.add_argument(
        "--host", default="localhost", help="address to listen on (default: this machine only)"
    )
    serve.add_argument("--port", type=int, default=8500, help="gRPC (default: 8500)")
    serve.add_argument("--rest-port", type=int, default=8501, help="REST and metrics (default: 8501)")
    serve.add_argument("--docker", action="store_true", help="start the real TensorFlow Serving instead")
    serve.add_argument(
        "--audit-log", type=Path, help="add each prediction to a log that shows what is removed"
    )

    rollout = verbs.add_parser("rollout", help="which version users get: try, promote, go back")
    rollout.add_argument("step", choices=("status", "canary", "promote", "rollback"))
    rollout.add_argument("--version", type=int, help="the version to try or to go back to")
    rollout.add_argument(
        "--server", metavar="H:P", default="localhost:8500", help="(default: localhost:8500)"
    )

    rollout.add_argument("--no-wait", action="store_true", help="only write the file; no server is asked")

    loadtest = verbs.add_parser("loadtest", help="throughput and latency of a server")
    loadtest.add_argument(
        "--server", metavar="H:P", help="a running server (default: start one for the test)"
    )
    loadtest.add_argument("--rest", action="store_true", help="without --server: test REST instead of gRPC")
    loadtest.add_argument("--model", choices=models, default="pushed", help="which model's rows to send")
    loadtest.add_argument("--label", help="ask the version with this label, e.g. stable")
    loadtest.add_argument("--rows", type=numbers, default=[1, 32, 128], help="rows a request, e.g. 1,32,128")
    loadtest.add_argument("--concurrency", type=numbers, default=[1, 4, 16], help="requests at a time")
    loadtest.add_argument("--seconds", type=float, default=3.0, help="for each combination (default: 3)")
    loadtest.add_argument("--json", type=Path, help="write the figures here too")

    eject = verbs.add_parser("eject", help="copy a part of the library into the project, to change it there")
    eject.add_argument("part", choices=("network", "features", "metric"))

    deidentify = verbs.add_parser("deidentify", help="copy DICOM files without what says whose they are")
    deidentify.add_argument("--input", type=Path, required=True, help="a folder")
    deidentify.add_argument("--output", type=Path, required=True, help="the folder to make")
    deidentify.add_argument(
        "--unsearched", action="store_true", help="write although nothing here finds text in pixels"
    )
    deidentify.add_argument("--key", type=Path, help="also write which file became which; keep it apart")

    audit = verbs.add_parser("audit", help="is the log of predictions whole; add who decided otherwise")
    audit.add_argument("step", choices=("verify", "override"))
    audit.add_argument("log", type=Path, help="what predict or serve wrote with --audit-log")
    audit.add_argument("--head", help="verify: a line's hash that was kept elsewhere")
    audit.add_argument("--number", type=int, help="override: the prediction's entry")
    audit.add_argument("--decision", help="override: what was decided instead")
    audit.add_argument("--operator", help="override: who decided, e.g. a role or a number of staff")
    audit.add_argument("--reason", help="override: why")

    kubeflow = verbs.add_parser("kubeflow", help="run the pipeline on Kubeflow Pipelines")
    kubeflow.add_argument("step", choices=("compile", "submit"))
    kubeflow.add_argument("--data", type=Path, help="another file or folder, e.g. s3://bucket/customers.csv")
    kubeflow.add_argument(
        "--image",
        dest="container",
        metavar="IMAGE",
        help="the image to run, with tag or digest (default: use_case.toml's)",
    )
    kubeflow.add_argument(
        "--output", type=Path, help="compile: the IR YAML to write (default: kubeflow/pipeline.yaml)"
    )
    kubeflow.add_argument("--endpoint", metavar="URL", help="submit: Kubeflow Pipelines' address")
    kubeflow.add_argument("--recurring", metavar="CRON", help='submit: run again and again, e.g. "0 3 * * 1"')
    kubeflow.add_argument("--no-wait", action="store_true", help="submit: do not wait for the run's end")

    verbs.add_parser("doctor", help="say what of the environment is missing and how to get it")
    for name, arguments in EXAMPLES.items():
        verbs.choices[name].epilog = f"example: solutionkit {name} {arguments}"
    return root


def numbers(text: str) -> list[int]:
    """Whole positive numbers with commas between."""
    try:
        given = [int(item) for item in text.split(",")]
    except ValueError:
        given = []
    if not given or min(given) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' must be positive numbers with commas between, e.g. 1,32")
    return given


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
