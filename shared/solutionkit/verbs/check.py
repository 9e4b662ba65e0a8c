"""`solutionkit check`: the data against the declaration, before anything runs."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np

from solutionkit.compare.metrics import refuse_unknown_thresholds
from solutionkit.declaration import Declaration, with_data
from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.examples.schema import FILE_NAME, frozen_schema, schema_text
from solutionkit.modalities.base import Modality
from solutionkit.splits import SPLITS
from solutionkit.use_case import Project, load_project
from solutionkit.verbs.log import stderr_to
from solutionkit.verbs.output import written
from solutionkit.verbs.sample import with_sample

SHOWN_NOTES = 12


def main(options: argparse.Namespace) -> int:
    """Audit the data and print what was found."""
    if options.schema:
        print(json.dumps(Declaration.model_json_schema(by_alias=True), indent=2))
        return 0
    project, audited = load_audited(options.project, options.data)
    print(describe(audited, project.use_case.modality))
    if options.freeze:
        if not audited.inferred:
            raise UserError(
                f"{project.folder / FILE_NAME}: there is no inferred schema to write; the one in use is"
                f" {audited.schema_origin}."
            )
        with written(project.folder / FILE_NAME) as stream:
            stream.write(schema_text(frozen_schema(audited.spec)).encode())
        print(f"schema   written to {project.folder / FILE_NAME}; edit it to say what is normal")
    return 0


def load_audited(folder: Path, data: Path | None) -> tuple[Project, AuditedTable]:
    """A project, pointed at other data if given, and its audited table."""
    project = load_project(folder)
    if data is not None:
        project = dataclasses.replace(project, declaration=with_data(project.declaration, data))
    declaration = project.declaration
    with_sample(project)
    prepare_environment()
    training = declaration.training
    with stderr_to(project.state / "logs" / "check.log"):
        if training.weights and training.weights_sha256:
            from solutionkit.models.pretrained import check_file

            check_file(training.weights, training.weights_sha256)
        audited = audit(project)
    task, modality = audited.spec.task, project.use_case.modality
    project.primary_metric(task)
    others = [*task.all_metrics(), *modality.all_metrics()]
    refuse_unknown_thresholds(declaration.thresholds, project.metric_names(task), others)
    return project, audited


def describe(audited: AuditedTable, modality: Modality) -> str:
    """What a reader wants to know of audited data, a few lines."""
    spec = audited.spec
    labels = audited.table[spec.label].to_numpy()[np.isin(audited.splits, SPLITS)]
    rows = audited.rows()
    counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    lines = [
        f"rows     {sum(rows.values()):,}: {counts}",
        f"split    {audited.split_rule}",
        f"label    {spec.label}: {spec.task.describe(labels)}",
        *modality.lines(audited),
    ]
    shown = audited.notes[:SHOWN_NOTES]
    lines += [f"         {note}" for note in shown]
    if len(audited.notes) > len(shown):
        lines.append(f"         and {len(audited.notes) - len(shown)} more notes like these")
    return "\n".join(lines)
