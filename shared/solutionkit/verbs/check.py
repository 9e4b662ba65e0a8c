"""`solutionkit check`: the data against the declaration, before anything runs."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from solutionkit.declaration import Declaration
from solutionkit.declared_file import with_data
from solutionkit.dotted import import_from
from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.audit import AuditedTable, audit, check_declaration
from solutionkit.examples.changes import refuse_changes
from solutionkit.examples.facts import lines
from solutionkit.examples.schema import FILE_NAME, frozen_schema, schema_text
from solutionkit.output import written
from solutionkit.splits import EVAL, TRAIN, VALIDATION
from solutionkit.use_case import Project, load_project
from solutionkit.verbs.log import stderr_to
from solutionkit.verbs.sample import with_sample


def main(options: argparse.Namespace) -> int:
    """Audit the data and print what was found."""
    if options.schema:
        print(json.dumps(Declaration.model_json_schema(by_alias=True), indent=2))
        return 0
    project, audited = load_audited(options.project, options.data)
    print("\n".join(lines(audited, project.use_case.modality)))
    for line in units_told(project, audited):
        print(line)
    if closer_look := project.use_case.modality.closer_look:
        with stderr_to(project.state / "logs" / "check.log"):
            notes = import_from(project.folder, closer_look)(audited)
        print("\n".join(f"         {note}" for note in notes))
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


def units_told(project: Project, audited: AuditedTable) -> list[str]:
    """How many patients, cards or the like there are, on which intervals hang; nothing where rows count."""
    unit = project.use_case.modality.unit(project.declaration)
    if unit is None or unit not in audited.table.column_names:
        return []
    counts = []
    for names in ((TRAIN, VALIDATION), (EVAL,)):
        rows = pa.array(np.isin(audited.splits, names))
        counts.append(len(audited.table[unit].filter(rows).unique()))
    return [f"units    by '{unit}': {counts[0]:,} on the training side, {counts[1]:,} evaluate"]


def prepared(folder: Path, data: Path | None) -> Project:
    """A project, pointed at other data if given, of which everything is right that is not in the data.

    Raises:
        UserError: Something is not.
    """
    project = load_project(folder)
    if data is not None:
        ordered = project.use_case.modality.ordered(project.declaration)
        project = dataclasses.replace(project, declaration=with_data(project.declaration, data, ordered))
    check_declaration(project)
    with_sample(project)
    prepare_environment()
    training = project.declaration.training
    if training.weights and training.weights_sha256:
        with stderr_to(project.state / "logs" / "check.log"):
            from solutionkit.models.pretrained import check_file

            check_file(training.weights, training.weights_sha256)
    return project


def load_audited(folder: Path, data: Path | None) -> tuple[Project, AuditedTable]:
    """A project, pointed at other data if given, and its audited table."""
    project = prepared(folder, data)
    with stderr_to(project.state / "logs" / "check.log"):
        audited = audit(project)
    refuse_changes(project, audited.spec, audited.inferred)
    project.refuse_unknown_metrics(audited.spec.task)
    return project, audited
