"""`solutionkit predict`: probabilities of a raw file's rows, as CSV."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.compare.decision import Decision
from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.cast import table_inputs
from solutionkit.examples.columns import RAW_SIGNATURE, TableSpec, load_spec
from solutionkit.kinds import kind_of
from solutionkit.modalities.rows import ScoringRows
from solutionkit.output import summary_to, write_csv
from solutionkit.runner.models import (
    further_decisions,
    kept_beside,
    known_decision,
    model_folder,
    stated_decision,
)
from solutionkit.use_case import load_project, read_new
from solutionkit.verbs.log import stderr_to
from solutionserve import audit_log

# A wrong address must not take long to show.
RETRIES = 5
# Photos may weigh megabytes, and a server refuses messages that are too large.
BYTES_A_REQUEST = 16_000_000


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
    spec, unknown, modality = load_spec(folder), "", project.use_case.modality
    if options.reasons is not None:
        refuse_reasons(options, modality.no_reasons(spec))
        if spec.task.has_alerts:
            stated_decision(project, options.model)
    with stderr_to(project.state / "logs" / "predict.log"):
        rows = read_new(project, options.input, spec, options.history)
        if options.server:
            answers, version = ask_server(options, project.name, rows)
            scorer = f"{project.name}{f' version {version}' if version else ''} at {options.server}"
        else:
            answers, version, scorer = score_here(folder, rows), None, f"{options.model} ({folder})"
        scores = answers[spec.label]
        decision = known_decision(project, options.model, version)
        if decision is None and version is not None and spec.task.flagged(scores, Decision(0.0)) is not None:
            unknown = f"no decision is written: version {version} is none of {folder.parent}"
        decision = decision.of_rows(rows.table) if decision else None
        alerts = spec.task.flagged(scores, decision) if decision else None
        business = project.declaration.business
        count, logged = rows.table.num_rows, rows
        rows, scores = modality.completed(rows, scores, kept_beside(project, options.model, version))
        columns = {**spec.task.frame(scores), **spec.task.decided(scores, decision, business)}
        columns |= spec.told(answers, further_decisions(project, options.model, version))
        if options.reasons is not None:
            from solutionkit.explain.loading import ModelExplainer

            columns["reasons"] = modality.reasons(ModelExplainer(folder), rows, alerts, options.reasons)
    to = summary_to(options.output)
    if options.audit_log:
        # Nothing is told that is not logged.
        # Made before the log is locked.
        entries = list(audit_entries(logged, columns, version or folder.name, project.name))
        try:
            added = audit_log.append(options.audit_log, entries)
        except audit_log.AuditLogError as error:
            raise UserError(str(error)) from None
        print(f"{options.audit_log} has {added.lines:,} lines; the last one's hash is {added.head}", file=to)
        columns["entry"] = entry_numbers(added.lines, len(entries), len(next(iter(columns.values()))))
    write_csv(modality.table_of(rows, columns), options.output)
    print(f"{count:,} rows scored by {scorer}, in {options.output}", file=to)
    if alerts is not None and decision is not None:
        reasons = ", with reasons" if "reasons" in columns else ""
        print(f"{spec.task.flagged_in_words(int(alerts.sum()), decision)}{reasons}", file=to)
    if alerts is not None and decision is not None and decision.expected and decision.unknown:
        unknown = (
            f"{decision.unknown:,} rows have no {decision.expected.amount}: they are decided as if"
            " nothing were at stake"
        )
    notes = [] if alerts is None else modality.alert_notes(logged, alerts, project.declaration)
    notes += unknown_values(rows.table.slice(0, count), spec)
    for note in [*([unknown] if unknown else []), *rows.notes, *notes]:
        print(f"note: {note}", file=to)
    return 0


def audit_entries(
    rows: ScoringRows, columns: dict[str, pa.Array], version: str, model: str
) -> Iterator[dict[str, Any]]:
    """What is logged of each row: its input's hash, and what was said of it; neither its name nor its cells.

    Args:
        rows: The rows.
        columns: What is told of them.
        version: Of the model.
        model: Its name.
    """
    told = pa.table({name: column for name, column in columns.items() if name != "reasons"}).to_pylist()
    # Of a row several may be told, one after the other.
    each, start = len(told) // max(rows.table.num_rows, 1), 0
    for piece in rows.pieces():
        known = audit_log.digests(table_inputs(piece, rows.spec), piece.num_rows)
        for row in range(piece.num_rows):
            said = told[(start + row) * each : (start + row + 1) * each]
            yield {
                "event": "prediction",
                "model": model,
                "version": version,
                "input": known[row],
                "output": said[0] if each == 1 else said,
            }
        start += piece.num_rows


def entry_numbers(last: int, entries: int, rows: int) -> pa.Array:
    """`(rows,)` the log's entry that each told row is of.

    Args:
        last: The last entry's number.
        entries: How many were added.
        rows: How many are told, several an entry where one is of several.
    """
    return pa.array(np.repeat(np.arange(last - entries + 1, last + 1), rows // max(entries, 1)))


def refuse_reasons(options: argparse.Namespace, why: str | None) -> None:
    """Raise a UserError where no reasons can be given."""
    if options.reasons < 1:
        raise UserError(f"--reasons must be positive, received {options.reasons}")
    if options.server:
        raise UserError("--reasons: a server gives probabilities alone; leave out --server.")
    if why:
        raise UserError(f"--reasons: {why}; see `solutionkit explain`.")


def score_here(folder: Path, rows: ScoringRows) -> dict[str, np.ndarray]:
    """`(rows, outputs)` probabilities by label from a model on disk."""
    from solutionkit.models.saved import SavedScorer

    return SavedScorer(folder).answers_to(rows)


def ask_server(
    options: argparse.Namespace, model: str, rows: ScoringRows
) -> tuple[dict[str, np.ndarray], str | None]:
    """`(rows, outputs)` probabilities by label from a running server, and which version answered, if it says.

    Raises:
        UserError: It did not answer, or its model wants other columns.
    """
    from solutionserve.client import Client, ClientError

    answers = []
    try:
        with Client(
            options.server, model, label=options.label, signature=RAW_SIGNATURE, retries=RETRIES
        ) as client:
            for piece in rows.pieces():
                for request in requests(piece):
                    answers.append(client.predict(table_inputs(request, rows.spec)))
    except ClientError as error:
        raise UserError(f"--server: {error}") from None
    joined = {}
    for label, output in rows.spec.outputs.items():
        if any(output not in answer for answer in answers):
            if label == rows.spec.label:
                raise UserError(
                    f"--server: its model answers no '{output}'; it is of another project or version."
                )
            continue
        scores = np.concatenate([answer[output] for answer in answers]).astype(np.float64)
        joined[label] = scores.reshape(len(scores), -1)
    return joined, str(client.answered_by) if client.answered_by else None


def requests(table: pa.Table) -> Iterator[pa.Table]:
    """The rows in pieces of at most `BYTES_A_REQUEST`, or of one row."""
    sizes = np.zeros(table.num_rows)
    for column in table.columns:
        if pa.types.is_large_binary(column.type):
            sizes += pc.fill_null(pc.binary_length(column), 0).to_numpy()
    start = 0
    while start < table.num_rows:
        fitting = int((np.cumsum(sizes[start:]) <= BYTES_A_REQUEST).sum())
        yield table.slice(start, max(fitting, 1))
        start += max(fitting, 1)


def unknown_values(table: pa.Table, spec: TableSpec) -> list[str]:
    """What the model has never seen the like of, one sentence a column."""
    notes = [kind_of(feature).unknown(table[feature.name], feature) for feature in spec.features]
    return [note for note in notes if note]
