"""`solutionkit models`: the pushed versions, where each came from, and which are live."""

from __future__ import annotations

import argparse
from datetime import datetime

from rich.console import Console
from rich.table import Table

from solutionkit.decimals import decimals
from solutionkit.errors import UserError
from solutionkit.runner.finished import Version, finished_runs, pushed_versions
from solutionkit.use_case import load_project
from solutionkit.verbs.runs import WIDE

HEADINGS = ("version", "pushed", "label", "run", "data", "model", "metric", "value", "verdict")


def main(options: argparse.Namespace) -> int:
    """Print the versions, the newest first."""
    project = load_project(options.project)
    versions = pushed_versions(project, finished_runs(project))
    if not versions:
        raise UserError(
            f"{project.models / project.name}: nothing was pushed yet; run the pipeline, or see in its report"
            " why nothing ships."
        )
    table = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading == "value" else "left", no_wrap=True)
    for version in reversed(versions):
        table.add_row(*row(version))
    Console(highlight=False, soft_wrap=True, width=WIDE).print(table)
    return 0


def row(version: Version) -> list[str]:
    """A version's cells; dashes where its run was taken away."""
    pushed = datetime.fromtimestamp(version.number).strftime("%Y-%m-%d %H:%M")
    cells = [str(version.number), pushed, ", ".join(version.labels) or "-"]
    run = version.run
    if run is None:
        return [*cells, *["-"] * 6]
    selected = run.compared["selected"]
    value = run.value(selected)
    told = "-" if value is None else decimals(value, 4)
    metric, verdict = run.compared["primary_metric"], run.compared["verdict"]
    return [*cells, run.id, run.data[:8], selected, metric, told, verdict]
