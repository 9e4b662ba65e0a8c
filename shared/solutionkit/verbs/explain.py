"""`solutionkit explain`: SHAP values of a raw file's rows."""

from __future__ import annotations

import argparse
import dataclasses

from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.output import summary_to
from solutionkit.runner.models import model_folder
from solutionkit.use_case import load_project, read_new
from solutionkit.verbs.log import stderr_to


def main(options: argparse.Namespace) -> int:
    """Explain rows: a table on the terminal, or all contributions as CSV."""
    prepare_environment()
    if options.rows < 1:
        raise UserError(f"--rows must be positive, received {options.rows}")
    if options.output and not options.output.resolve().parent.is_dir():
        raise UserError(f"{options.output}: its folder does not exist; make it first.")
    project = load_project(options.project)
    folder = model_folder(project, options.model)
    with stderr_to(project.state / "logs" / "explain.log"):
        from solutionkit.explain.loading import ModelExplainer

        model = ModelExplainer(folder)
        rows = read_new(project, options.input, model.spec, options.history)
        if options.output is None:
            rows = dataclasses.replace(rows, table=rows.table.slice(0, options.rows))
        summary = project.use_case.modality.explain_rows(model, rows, options.output)
    if options.output:
        print(f"{summary}, in {options.output}", file=summary_to(options.output))
    return 0
