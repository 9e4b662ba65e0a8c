"""`solutionkit init`: a first `use_case.toml`, guessed from a file, for a person to confirm."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from solutionkit.declaration import FILE_NAME
from solutionkit.dotted import import_from
from solutionkit.errors import UserError
from solutionkit.examples import schema
from solutionkit.object_store import fetched, is_remote
from solutionkit.output import written
from solutionkit.use_case import load_project
from solutionkit.verbs.log import stderr_to

# Where what was declared before goes: a schema is of one table.
BEFORE = {FILE_NAME: "use_case.before.toml", schema.FILE_NAME: "schema.before.pbtxt"}


def main(options: argparse.Namespace) -> int:
    """Print a proposal, or put it in place."""
    project = load_project(options.project)
    dotted = project.use_case.modality.proposal
    if not dotted:
        raise UserError(
            f"init: {project.use_case.title} is not declared by a look at a table; see the project's README."
        )
    source: Path = options.data
    with stderr_to(project.state / "logs" / "init.log"):
        here = fetched(source, project.cache) if is_remote(source) else source
        called = source if is_remote(source) else source.resolve()
        text = import_from(project.folder, dotted)(here, called, options.label, project.declaration)
    if not options.write:
        print(text, end="")
        return 0
    kept = copies_beside(project.folder)
    file = project.folder / FILE_NAME
    with written(file) as stream:
        stream.write(text.encode())
    (project.folder / schema.FILE_NAME).unlink(missing_ok=True)
    print(
        f"{file} is written, without the tables beyond [data] and [columns]; what was declared before is in"
        f" {', '.join(kept)}. Next: confirm each line, then solutionkit check"
    )
    return 0


def copies_beside(folder: Path) -> list[str]:
    """Keep copies of what was declared before; their names."""
    for name, kept in BEFORE.items():
        # What was there first stays, however often a person tries.
        if (folder / name).is_file() and not (folder / kept).exists():
            shutil.copy2(folder / name, folder / kept)
    return [kept for kept in BEFORE.values() if (folder / kept).exists()]
