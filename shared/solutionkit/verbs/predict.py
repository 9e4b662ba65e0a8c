"""`solutionkit predict`: probabilities of a raw file's rows, as CSV."""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from solutionkit.environment import prepare_environment
from solutionkit.errors import DataError, UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.conform import conform
from solutionkit.examples.reading import read_table
from solutionkit.runner.models import model_folder
from solutionkit.use_case import load_project
from solutionkit.verbs.log import stderr_to


def main(options: argparse.Namespace) -> int:
    """Score a file."""
    prepare_environment()
    project = load_project(options.project)
    folder = model_folder(project, options.model)
    if not options.output.resolve().parent.is_dir():
        raise UserError(f"{options.output}: its folder does not exist; make it first.")
    with stderr_to(project.state / "logs" / "predict.log"):
        from solutionkit.models.saved import SavedScorer

        scorer = SavedScorer(folder)
        table = read_rows(options.input, scorer.spec)
        scores = scorer.score_table(table)
    columns: dict[str, object] = {}
    if scorer.spec.id and scorer.spec.id in table.column_names:
        columns[scorer.spec.id] = table[scorer.spec.id]
    else:
        columns["row"] = list(range(table.num_rows))
    columns["probability"] = pa.array(scores)
    write_csv(pa.table(columns), options.output)
    print(f"{table.num_rows:,} rows scored by {options.model} ({folder}), in {options.output}")
    for note in unknown_values(table, scorer.spec):
        print(f"note: {note}")
    return 0


def unknown_values(table: pa.Table, spec: TableSpec) -> list[str]:
    """Values that the model has never seen, one sentence a column; they are scored as unseen."""
    notes = []
    for feature in spec.categorical:
        values = table[feature.name].drop_null()
        unseen = values.filter(pc.invert(pc.is_in(values, pa.array(feature.domain, pa.string()))))
        if len(unseen):
            notes.append(
                f"'{feature.name}' has {len(unseen):,} values that the model has never seen,"
                f" e.g. {unseen[0].as_py()!r}"
            )
    return notes


def read_rows(file: Path, spec: TableSpec) -> pa.Table:
    """A raw file's rows as a model's columns; the label may be absent.

    Raises:
        UserError: The file is unreadable, or columns are missing or of the wrong kind.
    """
    table, problems = conform(read_table(file), spec, labelled=False)
    if problems:
        raise DataError(str(file), problems)
    return table


def write_csv(table: pa.Table, file: Path) -> None:
    """Write a CSV, whole or not at all."""
    draft = file.with_name(f".{file.name}.part")
    pyarrow.csv.write_csv(table, draft)
    draft.replace(file)
