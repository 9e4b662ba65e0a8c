"""`solutionkit predict`: probabilities of a raw file's rows, as CSV."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from solutionkit.environment import prepare_environment
from solutionkit.errors import DataError, UserError
from solutionkit.examples.columns import SPEC_FILE, TableSpec
from solutionkit.examples.conform import conform, table_inputs
from solutionkit.examples.reading import read_table
from solutionkit.runner.models import model_folder
from solutionkit.use_case import load_project
from solutionkit.verbs.log import stderr_to

RAW_SIGNATURE = "serving_raw"
# A wrong address must not take long to show.
RETRIES = 5


def main(options: argparse.Namespace) -> int:
    """Score a file."""
    prepare_environment()
    if options.label and not options.server:
        raise UserError("--label: only a running server knows labels; add --server.")
    if options.server and options.model != "pushed":
        raise UserError("--model: a server has the pushed model; leave out --model or --server.")
    project = load_project(options.project)
    folder = model_folder(project, options.model)
    if not options.output.resolve().parent.is_dir():
        raise UserError(f"{options.output}: its folder does not exist; make it first.")
    spec = TableSpec.from_json((folder / SPEC_FILE).read_text())
    with stderr_to(project.state / "logs" / "predict.log"):
        table = read_rows(options.input, spec)
        if options.server:
            scores, scorer = ask_server(options, project.package, table_inputs(table, spec))
        else:
            scores, scorer = score_here(folder, table), f"{options.model} ({folder})"
    columns: dict[str, object] = {}
    if spec.id and spec.id in table.column_names:
        columns[spec.id] = table[spec.id]
    else:
        columns["row"] = list(range(table.num_rows))
    columns["probability"] = pa.array(scores)
    write_csv(pa.table(columns), options.output)
    print(f"{table.num_rows:,} rows scored by {scorer}, in {options.output}")
    for note in unknown_values(table, spec):
        print(f"note: {note}")
    return 0


def score_here(folder: Path, table: pa.Table) -> np.ndarray:
    """`(rows,)` probabilities from a model on disk."""
    from solutionkit.models.saved import SavedScorer

    return SavedScorer(folder).score_table(table)


def ask_server(
    options: argparse.Namespace, model: str, inputs: dict[str, np.ndarray]
) -> tuple[np.ndarray, str]:
    """`(rows,)` probabilities from a running server, and which version of which server answered.

    Raises:
        UserError: It did not answer, or its model wants other columns.
    """
    from solutionserve.client import Client, ClientError

    try:
        with Client(
            options.server, model, label=options.label, signature=RAW_SIGNATURE, retries=RETRIES
        ) as client:
            answer = client.predict(inputs)
    except ClientError as error:
        raise UserError(f"--server: {error}") from None
    version = f" version {client.answered_by}" if client.answered_by else ""
    scores: np.ndarray = answer["probability"][:, 0].astype(np.float64)
    return scores, f"{model}{version} at {options.server}"


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
