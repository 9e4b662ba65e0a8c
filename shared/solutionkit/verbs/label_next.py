"""`solutionkit label-next`: which rows without a label to look at next."""

from __future__ import annotations

import argparse

import numpy as np
import pyarrow as pa

from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.columns import load_spec
from solutionkit.labelling import next_rows
from solutionkit.output import summary_to, write_csv
from solutionkit.runner.models import model_folder
from solutionkit.use_case import load_project, read_new
from solutionkit.verbs.log import stderr_to


def main(options: argparse.Namespace) -> int:
    """Write the rows that are worth a label, the first one first."""
    prepare_environment()
    if options.count < 1:
        raise UserError(f"-n must be positive, received {options.count}")
    if options.output and not options.output.resolve().parent.is_dir():
        raise UserError(f"{options.output}: its folder does not exist; make it first.")
    project = load_project(options.project)
    folder = model_folder(project, options.model)
    modality, spec = project.use_case.modality, load_spec(folder)
    with stderr_to(project.state / "logs" / "label-next.log"):
        from solutionkit.models.saved import SavedScorer

        rows = read_new(project, options.input, spec)
        vectors = modality.vectors(rows)
        if vectors is None or spec.task.outputs < 2:
            raise UserError("label-next: only texts of several classes are chosen from.")
        scorer = SavedScorer(folder)
        outputs = np.concatenate([scorer.score_table(piece) for piece in rows.pieces()])
    chosen = next_rows(outputs, vectors, options.count)
    told = modality.table_of(rows, spec.task.frame(outputs)).take(pa.array(chosen))
    if options.output:
        write_csv(told, options.output)
        where = f", in {options.output}"
    else:
        for row in told.to_pylist():
            print(
                "  ".join(
                    f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()
                )
            )
        where = ""
    count = f"{len(chosen):,} of {rows.table.num_rows:,} rows are worth a label next{where}"
    print(count, file=summary_to(options.output) if options.output else None)
    return 0
