"""`solutionkit kubeflow`: the pipeline compiled for Kubeflow Pipelines, and handed over to one."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from rich.console import Console

from solutionkit.declaration import Declaration
from solutionkit.declared_file import overridden, with_data
from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.audit import check_declaration
from solutionkit.object_store import address
from solutionkit.output import summary_to, written
from solutionkit.use_case import Project, load_project
from solutionkit.verbs.log import Spinning, stderr_to

PIPELINE = Path("kubeflow") / "pipeline.yaml"


def main(options: argparse.Namespace) -> int:
    """Compile, or compile and submit."""
    prepare_environment()
    project = declared(options)
    console = Console(highlight=False, soft_wrap=True)
    if options.step == "submit":
        from solutionkit.verbs.kubeflow_submit import submit

        return submit(project, options, console)
    text = compiled(project, console)
    target = options.output or project.folder / PIPELINE
    target.parent.mkdir(parents=True, exist_ok=True)
    with written(target) as stream:
        stream.write(text.encode())
    said = Console(highlight=False, soft_wrap=True, file=summary_to(target))
    wished = project.declaration.kubeflow
    said.print(f"pipeline {target}", markup=False)
    said.print(f"image    {wished.image}", markup=False)
    said.print(f"results  {wished.pipeline_root}; models to {wished.models}", markup=False)
    said.print(f"data     {address(data_of(project.declaration))}, read in every run", markup=False)
    said.print("run it   solutionkit kubeflow submit, or upload the file in Kubeflow's own pages")
    return 0


def declared(options: argparse.Namespace) -> Project:
    """The project as the command line wants it run; its data need not be at hand.

    Raises:
        UserError: The declaration is wrong.
    """
    project = load_project(options.project)
    declaration = project.declaration
    if options.data is not None:
        declaration = with_data(declaration, options.data, project.use_case.modality.ordered(declaration))
    if options.image is not None:
        declaration = overridden(declaration, "kubeflow", image=options.image)
    project = dataclasses.replace(project, declaration=declaration)
    check_declaration(project)
    return project


def compiled(project: Project, console: Console, data: str = "") -> str:
    """The project's IR YAML.

    Args:
        project: The project.
        console: Where progress is told.
        data: Names the data's content, see `compile_pipeline`.
    """
    with stderr_to(project.state / "logs" / "kubeflow.log"), Spinning(console, "compiling"):
        from solutionkit.runner.kubeflow.compiled import compile_pipeline, written_yaml

        return written_yaml(compile_pipeline(project, data))


def data_of(declaration: Declaration) -> Path:
    """Where the rows are."""
    place = declaration.data.path or declaration.data.train
    if place is None:
        raise UserError("use_case.toml: no data is declared.")
    return place
