"""`solutionkit kubeflow`: the pipeline compiled for Kubeflow Pipelines, and handed over to one."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console

from solutionkit.declaration import FILE_NAME, Declaration
from solutionkit.declared_file import declared_places, overridden, with_data
from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.audit import check_declaration
from solutionkit.object_store import address, fetched, names_below
from solutionkit.output import summary_to, written
from solutionkit.use_case import Project, load_project
from solutionkit.verbs.log import Spinning, stderr_to

if TYPE_CHECKING:
    from solutionkit.runner.kubeflow.backend import Backend, RunState

PIPELINE = Path("kubeflow") / "pipeline.yaml"
RESULTS = Path("kubeflow") / "runs"
# What is brought home of a run: the output of a task, by the task.
OUTPUTS = {"write-report": "report", "compare": "comparison", "explain": "explanations"}
POLL_SECONDS = 5.0
# So often may nobody answer while a run is waited for.
PATIENCE = 24


def main(options: argparse.Namespace) -> int:
    """Compile, or compile and submit."""
    prepare_environment()
    refuse_the_other_steps(options)
    project = declared(options)
    console = Console(highlight=False, soft_wrap=True)
    if options.step == "submit":
        return submit(project, options, console)
    data = known_data(project)
    text = written_yaml(compiled(project, console, data))
    target = options.output or project.folder / PIPELINE
    target.parent.mkdir(parents=True, exist_ok=True)
    with written(target) as stream:
        stream.write(text.encode())
    said = Console(highlight=False, soft_wrap=True, file=summary_to(target))
    wished = project.declaration.kubeflow
    said.print(f"pipeline {target}", markup=False)
    said.print(f"image    {wished.image}", markup=False)
    said.print(f"results  {wished.pipeline_root}; models to {wished.models}", markup=False)
    read = "in the image: build it anew when they change" if data else "read in every run"
    places = " and ".join(shown(project, place) for place in data_of(project.declaration))
    said.print(f"data     {places}, {read}", markup=False)
    said.print(
        "run it   solutionkit kubeflow submit, or upload the file in Kubeflow's own pages and state there the"
        f" pipeline root {wished.pipeline_root}",
        markup=False,
    )
    return 0


def written_yaml(documents: list[dict[str, Any]]) -> str:
    """The text of an IR YAML."""
    return str(yaml.safe_dump_all(documents, sort_keys=True, width=110))


def refuse_the_other_steps(options: argparse.Namespace) -> None:
    """Refuse options that mean nothing for the step.

    Raises:
        UserError: There are some.
    """
    of_submit = {
        "--endpoint": options.endpoint,
        "--recurring": options.recurring,
        "--no-wait": options.no_wait,
    }
    others = {"--output": options.output} if options.step == "submit" else of_submit
    for name, value in others.items():
        if value:
            other = "compile" if options.step == "submit" else "submit"
            raise UserError(f"{name} belongs to `solutionkit kubeflow {other}`; remove it.")


def declared(options: argparse.Namespace) -> Project:
    """The project as the command line wants it run; its data need not be at hand.

    Raises:
        UserError: The declaration is wrong.
    """
    project = load_project(options.project)
    declaration = project.declaration
    if options.data is not None:
        declaration = with_data(declaration, options.data, project.use_case.modality.ordered(declaration))
    if options.container is not None:
        declaration = overridden(declaration, "kubeflow", image=options.container)
    project = dataclasses.replace(project, declaration=declaration)
    check_declaration(project)
    return project


def compiled(project: Project, console: Console, data: str = "") -> list[dict[str, Any]]:
    """The project's IR, see `compile_pipeline`.

    Args:
        project: The project.
        console: Where progress is told.
        data: Names the data's content.
    """
    with stderr_to(project.state / "logs" / "kubeflow.log"), Spinning(console, "compiling"):
        from solutionkit.runner.kubeflow.compiled import compile_pipeline

        return compile_pipeline(project, data)


def submit(project: Project, options: argparse.Namespace, console: Console) -> int:
    """Start a run and wait for its end, or make a schedule; 0 if all went well."""
    from solutionkit.runner.kubeflow.backend import Backend, cron_of_six

    wished = project.declaration.kubeflow
    endpoint = options.endpoint or wished.endpoint
    if endpoint is None:
        raise UserError(
            f"{project.folder / FILE_NAME}: 'kubeflow' lacks the endpoint, the address of Kubeflow"
            " Pipelines; give --endpoint, e.g. http://localhost:8080."
        )
    overridden(project.declaration, "kubeflow", endpoint=endpoint)
    cron = cron_of_six(options.recurring) if options.recurring else None
    backend = Backend(endpoint, wished.namespace)
    data = known_data(project, needed=True)
    documents = compiled(project, console, "" if cron else data)
    root = documents[0]["defaultPipelineRoot"]
    more = {"experiment_id": backend.experiment(project.name), "service_account": wished.service_account}
    if cron:
        identity, replaced = backend.schedule(project.name, cron, documents, root, **more)
        note = f", in the place of {replaced} of the same name" if replaced else ""
        console.print(f"schedule {cron} (seconds first, UTC){note}", markup=False)
        console.print(f"page     {backend.page('recurringrun', identity)}", markup=False)
        return 0
    name = f"{project.name} {time.strftime('%Y-%m-%d %H:%M:%S')}"
    identity = backend.start(name, documents, root, **more)
    console.print(f"run      {backend.page('runs', identity)}", markup=False)
    if options.no_wait:
        return 0
    try:
        state = followed(backend, identity, list(documents[0]["root"]["dag"]["tasks"]), console)
    except (KeyboardInterrupt, UserError):
        console.print("         the run goes on without this command, see its page", markup=False)
        raise
    if state.state != "SUCCEEDED":
        failed = [name for name, task in state.tasks.items() if task.state == "FAILED"]
        tasks = [item for item in failed if item in documents[0]["root"]["dag"]["tasks"]]
        where = f" in {', '.join(tasks)}" if tasks else ""
        console.print(f"[red]{state.state.lower()}[/red]{where}", highlight=False)
        told = state.error or "what the task said is in its log, on the page above"
        console.print(f"         {told}", markup=False)
        return 1
    place = f"{root}/{documents[0]['pipelineInfo']['name']}/{identity}"
    fetch_results(place, project.folder / RESULTS / identity, project.cache, console)
    return 0


def known_data(project: Project, needed: bool = False) -> str:
    """The hash of data that the image holds; nothing where some is elsewhere, which is read in every run.

    Args:
        project: Its declaration.
        needed: Whether an image must hold now what is declared within the project.

    Raises:
        UserError: It does not.
    """
    from solutionkit.pipeline.fingerprint import input_hash

    places = declared_places(project.declaration)
    data = [place for key, place in places.items() if key.startswith("data.")]
    inside = [place for place in data if place.is_relative_to(project.folder)]
    for place in inside:
        if not place.exists():
            if not needed:
                return ""
            raise UserError(
                f"{place}: no such file or folder, and the image would lack it too; put it there"
                " (the sample: solutionkit sample) and build the image."
            )
    return input_hash(project) if len(inside) == len(data) else ""


def followed(backend: Backend, run: str, tasks: list[str], console: Console) -> RunState:
    """Tell tasks as they end, until the run has.

    Args:
        backend: Where it runs.
        run: Its id.
        tasks: Names of the pipeline's own tasks.
        console: Where progress is told.
    """
    from solutionkit.runner.kubeflow.backend import ENDED, NoAnswerError

    told: set[str] = set()
    unreachable = 0
    with Spinning(console, "waiting for the first task") as status:
        while True:
            try:
                state: RunState = backend.state(run)
                unreachable = 0
            except NoAnswerError:
                unreachable += 1
                if unreachable == PATIENCE:
                    raise
                time.sleep(POLL_SECONDS)
                continue
            for name, task in state.tasks.items():
                if name in tasks and name not in told and task.state in ENDED:
                    told.add(name)
                    colour = "green" if task.state == "SUCCEEDED" else "red"
                    seconds = f"{task.seconds:7.1f} s" if task.seconds is not None else f"{'':9}"
                    place = f"{len(told):>2}/{len(tasks)}"
                    console.print(f"{place:6}{name:24}{seconds}  [{colour}]{task.state.lower()}[/{colour}]")
            if state.state in ENDED:
                return state
            running = [
                name for name, task in state.tasks.items() if task.state == "RUNNING" and name in tasks
            ]
            status.tell(", ".join(sorted(running)) or "waiting for pods")
            time.sleep(POLL_SECONDS)


def fetch_results(place: str, target: Path, cache: Path, console: Console) -> None:
    """Bring the report, and what can be had beside it, to this machine.

    Args:
        place: The address of the run's results.
        target: The folder to put them in.
        cache: Where things fetched are kept.
        console: Where it is told.
    """
    try:
        brought = {
            output: bring_output(f"{place}/{task}", output, target, cache) for task, output in OUTPUTS.items()
        }
        if not brought["report"]:
            raise UserError("no report is there.")
        console.print(f"report   {target / 'report.html'}", markup=False)
        for output in [name for name, count in brought.items() if not count]:
            told = "came from the backend's cache; its file is with the run that computed it"
            console.print(f"         the {output} {told}", markup=False)
    except UserError as error:
        console.print(f"report   at {place}/write-report; it could not be fetched: {error}", markup=False)


def bring_output(place: str, output: str, target: Path, cache: Path) -> int:
    """Copy the files of a task's output, which lie below a folder of the task's execution.

    Args:
        place: The address of the task's results.
        output: The output's name.
        target: The folder to put them in.
        cache: Where things fetched are kept.

    Returns:
        How many files there were.
    """
    copied = 0
    for execution in names_below(place):
        if output in names_below(f"{place}/{execution}"):
            target.mkdir(parents=True, exist_ok=True)
            for file in fetched(f"{place}/{execution}/{output}", cache).iterdir():
                shutil.copy2(file, target / file.name)
                copied += 1
    return copied


def data_of(declaration: Declaration) -> list[Path]:
    """Where the rows are."""
    data = declaration.data
    return [place for place in (data.path, data.train, data.eval) if place is not None]


def shown(project: Project, place: Path) -> str:
    """A place as people know it: an address, or a path, in the project relative to it."""
    inside = place.is_relative_to(project.folder)
    return str(place.relative_to(project.folder)) if inside else address(place)
