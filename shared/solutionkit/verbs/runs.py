"""`solutionkit runs`: the finished runs, what sets them apart, and which can go."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from solutionkit.decimals import decimals
from solutionkit.errors import UserError
from solutionkit.report.figures import rungs
from solutionkit.runner.finished import LATEST, FinishedRun, finished_runs, prunable, run_called
from solutionkit.use_case import Project, load_project
from solutionkit.verbs.log import stderr_to
from solutionkit.verbs.run import print_verdict

# Characters: a table's columns are not cut where the terminal ends, nor in pipes.
WIDE = 200
# How many runs a step is given.
NAMED: dict[str, tuple[int, ...]] = {"list": (0,), "show": (0, 1), "compare": (0, 1, 2), "prune": (0,)}


def main(options: argparse.Namespace) -> int:
    """List, show, compare or prune."""
    if len(options.names) not in NAMED[options.step]:
        most = max(NAMED[options.step])
        raise UserError(f"runs {options.step} takes {f'at most {most}' if most else 'no'} names of runs.")
    project = load_project(options.project)
    console = Console(highlight=False, soft_wrap=True, width=WIDE)
    if options.step == "prune":
        prune(project, options.keep, options.yes, console)
        return 0
    runs = finished_runs(project)
    if options.step == "list":
        console.print(listed(runs) if runs else "no finished run yet; run the pipeline: solutionkit run")
    elif options.step == "show":
        show(run_called(runs, (options.names or [LATEST])[0]), console)
    else:
        compare(*pair(runs, options.names), console)
    return 0


def listed(runs: list[FinishedRun]) -> Table:
    """The runs, the newest first."""
    known = rungs({name for run in runs for name in run.compared["models"]})
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "data", "metric", *known, "verdict", "pushed"):
        table.add_column(heading, justify="right" if heading in known else "left", no_wrap=True)
    for run in reversed(runs):
        pushed = run.record["pushed"]
        table.add_row(
            run.id,
            run.data[:8],
            run.compared["primary_metric"],
            *(figure(run.value(name)) for name in known),
            run.compared["verdict"],
            f"{run.compared['selected']} {pushed.rpartition('/')[2]}" if pushed else "nothing",
        )
    return table


def show(run: FinishedRun, console: Console) -> None:
    """All that one run was made of, and what came of it."""
    for name, value in made_of(run):
        console.print(f"{name:9}{value}", markup=False)
    print_verdict(run.folder, console)


def made_of(run: FinishedRun) -> Iterator[tuple[str, str]]:
    """Names and values."""
    yield "run", f"{run.id}, {run.when}, {sum(run.record.get('seconds', {}).values()):.0f} s"
    if data := run.record.get("data"):
        yield "data", f"{', '.join(data['paths'])} ({data['hash']})"
    if code := run.record.get("code"):
        commit = f", commit {code['commit']}" if code["commit"] else ""
        yield "code", f"{code['hash']}{commit}, solutionkit {code['solutionkit']}"


def pair(runs: list[FinishedRun], names: list[str]) -> tuple[FinishedRun, FinishedRun]:
    """Two runs: those named, or the one named and the latest, or the last two."""
    if len(names) == 2:
        return run_called(runs, names[0]), run_called(runs, names[1])
    if len(runs) < 2:
        raise UserError(f"there {'is 1 finished run' if runs else 'is no finished run'}; two are compared.")
    return (run_called(runs, names[0]) if names else runs[-2]), runs[-1]


def compare(one: FinishedRun, other: FinishedRun, console: Console) -> None:
    """What changed between two runs, in data, code, configuration and result."""
    console.print(f"{'runs':9}{one.id}  ->  {other.id}", markup=False)
    same = "the same" if one.data == other.data else f"{one.data[:8]}  ->  {other.data[:8]}"
    console.print(f"{'data':9}{same if '-' not in (one.data, other.data) else 'not recorded'}", markup=False)
    for name, before, after in [*changed_code(one, other), *changed_keys(one, other)]:
        console.print(f"{name}  {before}  ->  {after}", markup=False)
    if not changed_keys(one, other):
        console.print(f"{'keys':9}the same", markup=False)
    console.print()
    console.print(results(one, other))
    metrics = {one.compared["primary_metric"], other.compared["primary_metric"]}
    if one.data != other.data or len(metrics) > 1 or differing_rows(one, other):
        console.print(
            "The runs evaluate on other rows, or by another metric: a difference may be one of the rows.",
            markup=False,
        )


def differing_rows(one: FinishedRun, other: FinishedRun) -> bool:
    """Whether the runs surely evaluate on other rows."""
    split = ("data", "columns")
    return one.compared.get("rows") != other.compared.get("rows") or any(
        name.startswith(split) or name == "training.seed" for name, _, _ in changed_keys(one, other)
    )


def changed_code(one: FinishedRun, other: FinishedRun) -> list[tuple[str, str, str]]:
    """What of the code changed."""
    codes = [run.record.get("code", {}) for run in (one, other)]
    return [
        (f"code {name}".ljust(9), str(codes[0].get(name)), str(codes[1].get(name)))
        for name in ("hash", "commit", "solutionkit")
        if codes[0].get(name) != codes[1].get(name)
    ]


def changed_keys(one: FinishedRun, other: FinishedRun) -> list[tuple[str, str, str]]:
    """Keys of `use_case.toml` that changed, with both values."""
    flat = [dict(flattened(run.record.get("declaration", {}))) for run in (one, other)]
    names = sorted({*flat[0], *flat[1]})
    return [
        (name, told_value(flat[0].get(name)), told_value(flat[1].get(name)))
        for name in names
        if flat[0].get(name) != flat[1].get(name)
    ]


def told_value(value: Any) -> str:
    """A key's value, a dash for none."""
    return "-" if value is None else str(value)


def flattened(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Keys of tables within tables, with points between."""
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from flattened(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def results(one: FinishedRun, other: FinishedRun) -> Table:
    """Both runs' figures side by side."""
    table = Table(box=None, pad_edge=False)
    for heading, side in (("", "left"), (one.id, "right"), (other.id, "right"), ("change", "right")):
        table.add_column(heading, justify=side, no_wrap=True)  # type: ignore[arg-type]
    table.add_row("verdict", one.compared["verdict"], other.compared["verdict"], "")
    table.add_row("selected", str(one.compared["selected"]), str(other.compared["selected"]), "")
    for name in rungs({*one.compared["models"], *other.compared["models"]}):
        figures = [run.compared["models"].get(name) for run in (one, other)]
        metrics = [run.compared["primary_metric"] for run in (one, other)]
        values = [run.value(name) for run in (one, other)]
        metric = metrics[0] if metrics[0] == metrics[1] else " / ".join(metrics)
        comparable = metrics[0] == metrics[1]
        table.add_row(f"{name} {metric}", *map(figure, values), change(values, 4) if comparable else "")
        money = [item["business"]["value_per_1000"] if item else None for item in figures]
        if any(item is not None for item in money):
            worths = [item["business"] for item in figures if item]
            currencies = {worth["currency"] for worth in worths if worth["value_per_1000"] is not None}
            currency = " / ".join(sorted(currencies))
            table.add_row(
                f"{name} {currency} per 1,000",
                *(figure(item, 0) for item in money),
                change(money, 0) if len(currencies) == 1 else "",
            )
    return table


def figure(value: float | None, digits: int = 4) -> str:
    """A number, or a dash."""
    return "-" if value is None else decimals(value, digits)


def change(values: list[float | None], digits: int) -> str:
    """How much more the second is."""
    first, second = values
    if first is None or second is None:
        return ""
    return f"{second - first:+,.{digits}f}"


def prune(project: Project, keep: int, really: bool, console: Console) -> None:
    """Take away old runs, and versions of models that only they made; tell only, unless `really`.

    Args:
        project: The project.
        keep: How many runs stay.
        really: Whether to do it.
        console: Where it is told.
    """
    if keep < 1:
        raise UserError(f"--keep must be at least 1, received {keep}")
    found = prunable(project, keep)
    if not (found.runs or found.models):
        console.print(f"nothing to take away: the newest {keep} runs, and what serves, stay", markup=False)
        return
    for run in found.runs:
        console.print(f"run      {run.id}", markup=False)
    for model in found.models:
        console.print(f"model    {model.relative_to(project.folder)}", markup=False)
    megabytes = f"{found.size / 1e6:,.0f} MB"
    if not really:
        console.print(f"{megabytes} would go; say it with --yes to take them away", markup=False)
        return
    with stderr_to(project.state / "logs" / "runs.log"):
        from solutionkit.runner.local import project_lock

        # A run that goes on publishes models before it says that they are its own.
        with project_lock(project.state):
            prunable(project, keep).remove()
    console.print(f"{megabytes} are free; the cache in .pipeline stays", markup=False)
