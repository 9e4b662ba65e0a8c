"""Explanations of rows for `solutionkit explain`: on the terminal, or as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from solutionkit.examples.cast import raw_values
from solutionkit.examples.encoding import unlabelled_examples
from solutionkit.explain.attribution import RELIABLE
from solutionkit.explain.loading import ModelExplainer
from solutionkit.explain.reasons import raw_cells
from solutionkit.kinds import IMAGE
from solutionkit.modalities.rows import ScoringRows
from solutionkit.output import write_csv
from solutionkit.tasks.classification.task import classification

SHOWN_COLUMNS = 6


def explained_columns(model: ModelExplainer, rows: ScoringRows) -> dict[str, pa.Array]:
    """What a model says of rows, what that starts from, and the contribution of each column."""
    task, outputs = rows.spec.task, model.scores(rows)
    arrays = model.transform(unlabelled_examples(rows.table, rows.spec))
    attribution = model.explainer.explain(arrays, task.targets(outputs)).by_column(rows.spec)
    told = {**task.frame(outputs), "base": pa.array(attribution.base)}
    names = rows.spec.model_columns
    return told | {name: pa.array(attribution.values[:, place]) for place, name in enumerate(names)}


def explain_columns(model: ModelExplainer, rows: ScoringRows, output: Path | None) -> str:
    """Write or print contributions of columns; returns how much was explained, and how."""
    spec, method = model.spec, model.explainer.method
    task = spec.task
    outputs = model.scores(rows)
    targets = task.targets(outputs)
    arrays = model.transform(unlabelled_examples(rows.table, spec))
    attribution = model.explainer.explain(arrays, targets).by_column(spec)
    column, names = rows.names
    summary = f"{len(names):,} rows explained ({method}, {task.margin_unit})"
    answers = task.frame(outputs)
    if output:
        columns: dict[str, object] = {column: names, **answers, "base": attribution.base}
        columns |= {name: attribution.values[:, i] for i, name in enumerate(spec.model_columns)}
        write_csv(pa.table(columns), output)
        return summary
    cells = raw_cells(raw_values(rows.table, spec), spec)
    console = Console(highlight=False)
    for row, name in enumerate(names):
        said = ", ".join(f"{answer} {cell(values[row].as_py(), 3)}" for answer, values in answers.items())
        table = Table(title=f"{name}: {said}", title_justify="left", box=None)
        for heading, side in (("column", "left"), ("value", "left"), (task.margin_unit, "right")):
            table.add_column(heading, justify=side)  # type: ignore[arg-type]
        for i in np.argsort(-np.abs(attribution.values[row]), kind="stable")[:SHOWN_COLUMNS]:
            column = spec.model_columns[i]
            table.add_row(column, cell(cells[column][row]), f"{attribution.values[row, i]:+.3f}")
        console.print(table)
    console.print(
        f"{method}, before calibration; base {attribution.base.mean():+.3f}, largest residual"
        f" {np.abs(attribution.residual).max():.2g}"
    )
    return summary


def cell(value: Any, digits: int | None = None) -> str:
    """A raw value for people, with so many digits behind the point if that is said."""
    if not isinstance(value, float | np.floating):
        return "missing" if value == "" else str(value)
    if np.isnan(value):
        return "missing"
    return f"{value:g}" if digits is None else f"{value:.{digits}f}"


def explain_heat(model: ModelExplainer, rows: ScoringRows, output: Path | None) -> str:
    """Where in each image is what speaks for its class: heat maps as files, or the hottest places."""
    from solutionkit.explain.image_models import likeliest
    from solutionkit.report.overlays import overlay

    spec, method = model.spec, model.explainer.method
    task = classification(spec)
    _, names = rows.names
    written = shaky = 0
    if output:
        output.mkdir(exist_ok=True)
    for piece in rows.pieces():
        outputs = model.scorer.score_table(piece)
        arrays = model.transform(unlabelled_examples(piece, spec))
        targets, classes, told = likeliest(outputs, spec)
        attribution = model.explainer.explain(arrays, targets)
        # What another draw would show otherwise is not shown.
        steady = ~(attribution.reliabilities < RELIABLE)
        explained = [task.positive_name or name for name in classes]
        for place in range(len(arrays)):
            name = str(names[written])
            written += 1
            heat = attribution.values[place]
            if output and steady[place]:
                file = output / f"{name}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                PIL.Image.fromarray(overlay(arrays.of(IMAGE)[place], heat, spec)).save(file)
            elif not output:
                row, column = np.unravel_index(np.argmax(heat), heat.shape)
                left, top = (column + 0.5) / heat.shape[1], (row + 0.5) / heat.shape[0]
                hottest = f"hottest {left:.0%} from the left, {top:.0%} from the top"
                print(
                    f"{name}: {classes[place]}; {explained[place]} with probability {told[place]:.3f},"
                    f" {hottest if steady[place] else 'no steady map'}"
                )
        shaky += int((~steady).sum())
    doubt = f"; no map of {shaky:,}, because another random draw would show another one" if shaky else ""
    return f"{written:,} images explained ({method}){doubt}"
