"""`solutionkit explain`: SHAP values of a raw file's rows."""

from __future__ import annotations

import argparse

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.runner.models import model_folder
from solutionkit.use_case import load_project
from solutionkit.verbs.log import stderr_to
from solutionkit.verbs.predict import read_rows, write_csv

SHOWN_COLUMNS = 6


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
        from solutionkit.examples.encoding import serialized_examples
        from solutionkit.explain.explanation import ModelExplainer

        model = ModelExplainer(folder)
        spec = model.spec
        rows = read_rows(options.input, spec)
        if options.output is None:
            rows = rows.slice(0, options.rows)
        # The label is parsed with the examples and not looked at.
        labelled = rows.append_column(spec.label, pa.array(np.zeros(rows.num_rows, np.int64)))
        found = model.explain(np.array(list(serialized_examples(labelled)), object))
    names = rows[spec.id].to_pylist() if spec.id in rows.column_names else list(range(rows.num_rows))
    probabilities = 1.0 / (1.0 + np.exp(-found.output))
    if options.output:
        columns: dict[str, object] = {spec.id if spec.id and spec.id in rows.column_names else "row": names}
        columns |= {"probability": probabilities, "base": np.full(len(names), found.base)}
        columns |= {name: found.values[:, i] for i, name in enumerate(spec.model_columns)}
        write_csv(pa.table(columns), options.output)
        print(f"{len(names):,} rows explained ({model.explainer.method}, log odds), in {options.output}")
        return 0
    console = Console(highlight=False)
    for row, name in enumerate(names):
        table = Table(title=f"{name}: probability {probabilities[row]:.3f}", title_justify="left", box=None)
        for heading, side in (("column", "left"), ("value", "left"), ("log odds", "right")):
            table.add_column(heading, justify=side)  # type: ignore[arg-type]
        for i in np.argsort(-np.abs(found.values[row]), kind="stable")[:SHOWN_COLUMNS]:
            column = spec.model_columns[i]
            value = rows[column][row].as_py()
            table.add_row(column, "missing" if value is None else str(value), f"{found.values[row, i]:+.3f}")
        console.print(table)
    console.print(
        f"{model.explainer.method}; base {found.base:+.3f},"
        f" largest residual {np.abs(found.residual).max():.2g}"
    )
    return 0
