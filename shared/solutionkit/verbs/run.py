"""`solutionkit run`: the pipeline with progress, then the verdict and the report's path."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
import traceback
from pathlib import Path

from rich.console import Console

from solutionkit.decimals import decimals, p_in_words
from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.changes import refuse_changes
from solutionkit.examples.facts import FILE_NAME
from solutionkit.examples.schema import specification_of
from solutionkit.models.epochs import cut_short
from solutionkit.progress import TimeLeft, listening
from solutionkit.report.figures import rungs
from solutionkit.runner.publish import RECORD, new_run_id, publish, read_record
from solutionkit.use_case import Project
from solutionkit.verbs.check import prepared
from solutionkit.verbs.log import Spinning, stderr_to


def main(options: argparse.Namespace) -> int:
    """Run the pipeline; 0 if all nodes came through."""
    started = time.monotonic()
    prepare_environment()
    console = Console(highlight=False, soft_wrap=True)
    project = prepared(options.project, options.data)
    run_id = new_run_id(project.runs)
    log = project.state / "logs" / f"{run_id}.log"
    try:
        folder = run(project, run_id, log, console)
    except RunFailedError as failure:
        console.print(f"[red]failed[/red]  {failure.node}: ", end="")
        console.print(str(failure), markup=False)
        console.print(f"log     {log}", markup=False)
        return 1
    print_verdict(folder, console)
    console.print(f"total    {time.monotonic() - started:.0f} s", markup=False)
    return 0


# Their user's errors are those that `check` would have told.
BEFORE_TRAINING = ("RowExampleGen", "MetricGate")
# What is told of a comparison.
COMPARED = ("primary_metric", "models", "verdict", "reason", "selected", "preferred", "gates")


class RunFailedError(Exception):
    """A node failed; the message says why."""

    def __init__(self, node: str, reason: str) -> None:
        self.node = node
        super().__init__(reason)


def run(project: Project, run_id: str, log: Path, console: Console) -> Path:
    """Run and publish.

    Args:
        project: The project, see `check.prepared`.
        run_id: Names the run.
        log: Where the noise of libraries goes.
        console: Where progress is told.

    Returns:
        The run's folder.

    Raises:
        UserError: The data does not fit the declaration.
        RunFailedError: A node failed.
    """
    with stderr_to(log), Spinning(console, "importing TFX"):
        imported = time.monotonic()
        from solutionkit.pipeline.fingerprint import input_hash
        from solutionkit.pipeline.graph import build_pipeline
        from solutionkit.runner.local import (
            LocalRunner,
            NodeError,
            NodeResult,
            project_lock,
            run_pipeline,
        )
        from solutionkit.runner.provenance import provenance

        imported = time.monotonic() - imported
    console.print(f"[dim]{'':6}{'importing TFX':24}{imported:7.1f} s[/dim]")
    with project_lock(project.state), stderr_to(log):
        status = Spinning(console, "")
        place, under_way, time_left = "", "", TimeLeft()

        def on_start(name: str, position: int, total: int) -> None:
            nonlocal place, under_way, time_left
            place = f"{position:>2}/{total}"
            under_way, time_left = f"{place} {name}", TimeLeft()
            status.tell(under_way)

        def on_progress(share: float) -> None:
            status.tell(f"{under_way}  {time_left.words(share)}")

        def on_end(result: NodeResult) -> None:
            colour = {"done": "green", "cached": "cyan", "failed": "red"}[result.state]
            console.print(
                f"{place:6}{result.name:24}{result.seconds:7.1f} s  [{colour}]{result.state}[/{colour}]"
            )
            if "facts" in result.outputs:
                facts = json.loads((result.outputs["facts"] / FILE_NAME).read_text("utf-8"))
                console.print("\n".join(facts["lines"]), markup=False)
                refuse_changes(project, specification_of(result.outputs["schema"]), facts["inferred"])

        runner = LocalRunner(run_id, on_start, on_end)
        try:
            with status, listening(on_progress):
                data = input_hash(project)
                made_of = provenance(project, data)
                run_pipeline(build_pipeline(project, data), runner)
        except NodeError as error:
            cause = error.__cause__
            if error.node in BEFORE_TRAINING and (mistake := users_error(cause)):
                raise mistake from None
            with contextlib.suppress(OSError):
                traceback.print_exception(error, file=sys.stderr)
            raise RunFailedError(error.node, reason_of(cause)) from error
        return publish(project, run_id, runner.results, made_of)


def users_error(error: BaseException | None) -> UserError | None:
    """A user's own error, inside wrappers too."""
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__ or error.__context__
    return error


def reason_of(error: BaseException | None) -> str:
    """Why a node failed, in words; a user's own error inside a wrapper is preferred."""
    if mistake := users_error(error):
        return str(mistake)
    if error is None:
        return "it left no completed record in the metadata store"
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def print_verdict(folder: Path, console: Console) -> None:
    """Both models' figures, the verdict and where to read on."""
    result = read_record(folder / "comparison.json", *COMPARED)
    record = read_record(folder / RECORD, "pushed")
    metric = result["primary_metric"]
    console.print()
    for name in [*rungs(result["models"]), "trivial"]:
        model = result["models"][name]
        estimate = model["metrics"][metric]
        values = [estimate[part] for part in ("value", "low", "high")]
        told, low, high = (decimals(item, 4, max(map(abs, values))) for item in values)
        line = f"{name:9}{metric} {told} ({low} to {high})"
        value = model["business"]["value_per_1000"]
        if value is not None:
            line += f"   {value:+,.0f} {model['business']['currency']} per 1,000"
        if "latency_ms" in model:
            line += f"   {model['latency_ms']['batch_1']:.1f} ms   {model['train_seconds']:.1f} s training"
        console.print(line, markup=False)
    console.print()
    console.print(f"verdict  {result['verdict']}: {result['reason']}", markup=False, soft_wrap=True)
    if gain := result.get("business_difference"):
        low, high = (f"{gain[end]:+,.0f}" for end in ("low", "high"))
        told = f"deep minus baseline {gain['value']:+,.0f} {gain['currency']} per 1,000 ({low} to {high},"
        console.print(f"money    {told} p = {p_in_words(gain['p_value'])})", markup=False, soft_wrap=True)
    shown = result["selected"] or result["preferred"]
    for sentence in result.get("cautions", {}).get(shown, []):
        console.print(f"caution  {shown}: {sentence}", markup=False, soft_wrap=True)
    for label, found in result.get("further", {}).items():
        for sentence in found.get("cautions", {}).get(shown, []):
            console.print(f"caution  {shown}, {label}: {sentence}", markup=False, soft_wrap=True)
    if note := cut_short(result["models"]["deep"]["training"]):
        console.print(f"note     {note}", markup=False, soft_wrap=True)
    if result["selected"] is None:
        broken = ", ".join(f"{gate['model']}: {gate['name']}" for gate in result["gates"] if not gate["held"])
        console.print(
            f"pushed   nothing ({broken}); what was pushed before stays", markup=False, soft_wrap=True
        )
    else:
        console.print(f"pushed   {result['selected']} to {record['pushed']}", markup=False, soft_wrap=True)
    console.print(f"report   {folder / 'report.html'}", markup=False, soft_wrap=True)
