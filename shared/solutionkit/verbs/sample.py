"""`solutionkit sample`: the use case's own data, with known drivers."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from solutionkit.errors import UserError
from solutionkit.modalities.image.modality import LABELS_FILE
from solutionkit.output import summary_to, written
from solutionkit.use_case import Project, load_project

SEED = 20


def main(options: argparse.Namespace) -> int:
    """Write sample data."""
    if options.rows is not None and options.rows < 1:
        raise UserError(f"--rows must be positive, received {options.rows}")
    project = load_project(options.project)
    target = options.output or project.sample_path
    if target.is_dir() and any(target.iterdir()) and target != project.sample_path:
        raise UserError(f"{target}: the folder is not empty; name another one.")
    rows = write_sample(project, target, options.rows, SEED if options.seed is None else options.seed)
    print(f"{rows} rows in {target}", file=summary_to(target))
    return 0


def write_sample(project: Project, target: Path, rows: int | None = None, seed: int = SEED) -> int:
    """Write the use case's sample data, whole or not at all: a CSV file, or a folder where cells are files.

    Args:
        project: Its use case makes the data.
        target: File or folder.
        rows: How many; as many as the use case has it by default.
        seed: The same gives the same data.

    Returns:
        The number of rows.
    """
    table = project.use_case.sample(rows or project.use_case.sample_rows, seed)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not any(pa.types.is_large_binary(field.type) for field in table.schema):
        with written(target) as stream:
            pyarrow.csv.write_csv(table, stream)
        return int(table.num_rows)
    target = target.resolve()
    with tempfile.TemporaryDirectory(prefix=".solutionkit-", dir=target.parent) as folder:
        draft = Path(folder) / target.name
        write_folder(table, draft)
        shutil.rmtree(target, ignore_errors=True)
        draft.replace(target)
    return int(table.num_rows)


def write_folder(table: pa.Table, folder: Path) -> None:
    """Write binary cells as PNG files in a sub-folder a column, and the rest with their paths as a table."""
    for position, name in enumerate(table.column_names):
        if not pa.types.is_large_binary(table.schema.field(name).type):
            continue
        (folder / f"{name}s").mkdir(parents=True)
        paths = []
        for row, content in enumerate(table[name].to_pylist()):
            path = f"{name}s/{row:05d}.png" if content else None
            if path:
                (folder / path).write_bytes(content)
            paths.append(path)
        table = table.set_column(position, name, pa.array(paths, pa.string()))
    pyarrow.csv.write_csv(table, folder / LABELS_FILE)


def with_sample(project: Project) -> None:
    """Make the sample if the declaration points to it and it is not there."""
    if project.declaration.data.path == project.sample_path and not project.sample_path.exists():
        write_sample(project, project.sample_path)
