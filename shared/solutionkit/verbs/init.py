"""`solutionkit init`: a first `use_case.toml`, guessed from a file, for a person to confirm."""

from __future__ import annotations

import argparse
from pathlib import Path

from solutionkit.declaration import FILE_NAME
from solutionkit.dotted import import_from
from solutionkit.errors import UserError
from solutionkit.object_store import fetched, is_remote
from solutionkit.output import written
from solutionkit.use_case import load_project
from solutionkit.verbs.log import stderr_to

# Where what was declared before goes.
BEFORE = "use_case.before.toml"


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
        text = import_from(project.folder, dotted)(here, options.label, called)
    if not options.write:
        print(text, end="")
        return 0
    file, kept = project.folder / FILE_NAME, project.folder / BEFORE
    if kept.exists():
        raise UserError(f"{kept}: what was declared before is there already; take it away first.")
    kept.write_bytes(file.read_bytes())
    with written(file) as stream:
        stream.write(text.encode())
    print(
        f"{file} is written; what was declared before is in {BEFORE}. Next: confirm each line, then"
        " solutionkit check"
    )
    return 0
