"""`solutionkit explain`: SHAP values of a raw file's rows."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.encoding import unlabelled_examples
from solutionkit.examples.history import KnownRows
from solutionkit.examples.raw_rows import RawRows, raw_values, read_rows
from solutionkit.runner.models import model_folder
from solutionkit.use_case import load_project
from solutionkit.verbs.log import stderr_to
from solutionkit.verbs.output import summary_to, write_csv

if TYPE_CHECKING:
    from solutionkit.explain.loading import ModelExplainer

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
        from solutionkit.explain.loading import ModelExplainer

        model = ModelExplainer(folder)
        rows = read_rows(options.input, model.spec, KnownRows.of_project(project, options.history))
        if options.output is None:
            rows = dataclasses.replace(rows, table=rows.table.slice(0, options.rows))
        explain = explain_images if model.spec.image else explain_columns
        summary = explain(model, rows, options.output)
    if options.output:
        print(f"{summary}, in {options.output}", file=summary_to(options.output))
    return 0


def explain_columns(model: ModelExplainer, rows: RawRows, output: Path | None) -> str:
    """Write or print contributions of columns; returns how much was explained, and how."""
    from solutionkit.explain.reasons import raw_cells

    spec, method = model.spec, model.explainer.method
    found = model.explainer.explain(model.transform(unlabelled_examples(rows.table, spec)))
    column, names = rows.names
    probabilities = 1.0 / (1.0 + np.exp(-found.output))
    summary = f"{len(names):,} rows explained ({method}, log odds)"
    if output:
        columns: dict[str, object] = {column: names, "probability": probabilities, "base": found.base}
        columns |= {name: found.values[:, i] for i, name in enumerate(spec.model_columns)}
        write_csv(pa.table(columns), output)
        return summary
    cells = raw_cells(raw_values(rows.table, spec), spec)
    console = Console(highlight=False)
    for row, name in enumerate(names):
        table = Table(title=f"{name}: probability {probabilities[row]:.3f}", title_justify="left", box=None)
        for heading, side in (("column", "left"), ("value", "left"), ("log odds", "right")):
            table.add_column(heading, justify=side)  # type: ignore[arg-type]
        for i in np.argsort(-np.abs(found.values[row]), kind="stable")[:SHOWN_COLUMNS]:
            column = spec.model_columns[i]
            table.add_row(column, cell(cells[column][row]), f"{found.values[row, i]:+.3f}")
        console.print(table)
    console.print(
        f"{method}; base {found.base.mean():+.3f}, largest residual {np.abs(found.residual).max():.2g}"
    )
    return summary


def cell(value: Any) -> str:
    """A raw value for people."""
    number = isinstance(value, float | np.floating)
    if value == "" or (number and np.isnan(value)):
        return "missing"
    return f"{value:g}" if number else str(value)


def explain_images(model: ModelExplainer, rows: RawRows, output: Path | None) -> str:
    """Where in each image is what speaks for its class: heat maps as files, or the hottest places."""
    import PIL.Image

    from solutionkit.explain.image_models import likeliest
    from solutionkit.report.overlays import overlay

    spec, method = model.spec, model.explainer.method
    _, names = rows.names
    written = 0
    if output:
        output.mkdir(exist_ok=True)
    for piece in rows.pieces():
        arrays = model.transform(unlabelled_examples(piece, spec))
        targets, classes = likeliest(model.explainer, arrays, spec)
        found = model.explainer.explain(arrays, targets)
        explained = [spec.positive_name or name for name in classes]
        for place in range(len(arrays)):
            name = str(names[written])
            written += 1
            probability = 1.0 / (1.0 + np.exp(-found.output[place]))
            heat = found.values[place]
            if output:
                file = output / f"{name}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                PIL.Image.fromarray(overlay(arrays.image[place], heat, spec)).save(file)
            else:
                row, column = np.unravel_index(np.argmax(heat), heat.shape)
                left, top = (column + 0.5) / heat.shape[1], (row + 0.5) / heat.shape[0]
                print(
                    f"{name}: {classes[place]}; {explained[place]} with probability {probability:.3f},"
                    f" hottest {left:.0%} from the left, {top:.0%} from the top"
                )
    return f"{written:,} images explained ({method})"
