"""`solutionkit check`: the data against the declaration, before anything runs."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from solutionkit.compare.metrics import refuse_unknown_thresholds
from solutionkit.declaration import Declaration, with_data
from solutionkit.errors import UserError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.examples.schema import FILE_NAME, build_schema, schema_text
from solutionkit.use_case import Project, load_project
from solutionkit.verbs.sample import with_sample


def main(options: argparse.Namespace) -> int:
    """Audit the data and print what was found."""
    if options.schema:
        print(json.dumps(Declaration.model_json_schema(by_alias=True), indent=2))
        return 0
    project, audited = load_audited(options.project, options.data)
    print(describe(audited))
    if options.freeze:
        if not audited.inferred:
            raise UserError(
                f"{project.folder / FILE_NAME} is in use already; there is no inferred schema to write."
            )
        (project.folder / FILE_NAME).write_text(schema_text(build_schema(audited.spec)))
        print(f"schema   written to {project.folder / FILE_NAME}; edit it to say what is normal")
    return 0


def load_audited(folder: Path, data: Path | None) -> tuple[Project, AuditedTable]:
    """A project, pointed at other data if given, and its audited table."""
    project = load_project(folder)
    if data is not None:
        project = dataclasses.replace(project, declaration=with_data(project.declaration, data))
    refuse_unknown_thresholds(project.declaration.thresholds)
    with_sample(project)
    return project, audit(project)


def describe(audited: AuditedTable) -> str:
    """What a reader wants to know of audited data, a few lines."""
    spec = audited.spec
    rows = audited.rows()
    counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    positive = int((audited.table[spec.label].to_numpy() == 1).sum())
    lines = [
        f"rows     {sum(rows.values()):,}: {counts}",
        f"split    {audited.split_rule}",
        f"label    {spec.label}: {positive:,} {spec.classes[1]!r} ({positive / len(audited.splits):.1%}),"
        f" {len(audited.splits) - positive:,} {spec.classes[0]!r}",
        f"columns  {audited.schema_origin}",
        *(
            f"         {len(features)} {kind}: {', '.join(feature.name for feature in features) or 'none'}"
            for kind, features in (("numeric", spec.numeric), ("categorical", spec.categorical))
        ),
    ]
    missing = {feature.name: audited.table[feature.name].null_count for feature in spec.features}
    if any(missing.values()):
        cells = ", ".join(f"{name} {count:,}" for name, count in missing.items() if count)
        lines.append(f"         missing cells: {cells}")
    lines += [f"         ignored {name}: {reason}" for name, reason in spec.ignored.items()]
    if audited.inferred:
        lines.append("         freeze them with: solutionkit check --freeze")
    return "\n".join(lines)
