"""`solutionkit sample`: the use case's own data, with known drivers."""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow.csv

from solutionkit.cli import SAMPLE_ROWS, SAMPLE_SEED
from solutionkit.errors import UserError
from solutionkit.use_case import Project, load_project


def main(options: argparse.Namespace) -> int:
    """Write sample data."""
    if options.rows < 1:
        raise UserError(f"--rows must be positive, received {options.rows}")
    project = load_project(options.project)
    file = options.output or project.sample_path
    write_sample(project, file, options.rows, options.seed)
    print(f"{options.rows} rows in {file}")
    return 0


def write_sample(project: Project, file: Path, rows: int = SAMPLE_ROWS, seed: int = SAMPLE_SEED) -> None:
    """Write the use case's sample data to a CSV, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}")
    pyarrow.csv.write_csv(project.use_case.sample(rows, seed), draft)
    draft.replace(file)


def with_sample(project: Project) -> None:
    """Make the sample if the declaration points to it and it is not there."""
    if project.declaration.data.path == project.sample_path and not project.sample_path.exists():
        write_sample(project, project.sample_path)
