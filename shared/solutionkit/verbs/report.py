"""`solutionkit report`: the newest verdict and where its report is."""

from __future__ import annotations

import argparse
import webbrowser

from rich.console import Console

from solutionkit.errors import UserError
from solutionkit.use_case import load_project
from solutionkit.verbs.run import print_verdict


def main(options: argparse.Namespace) -> int:
    """Print the newest verdict."""
    project = load_project(options.project)
    latest = project.runs / "latest"
    if not (latest / "report.html").is_file():
        raise UserError(f"{project.runs}: no finished run yet; run the pipeline first: solutionkit run.")
    folder = latest.resolve()
    print_verdict(folder, Console(highlight=False, soft_wrap=True))
    if options.open:
        webbrowser.open((folder / "report.html").as_uri())
    return 0
