"""`solutionkit check`: the data against the declaration, before anything runs."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np

from solutionkit.compare.metrics import (
    ALERT_RECALL,
    CARD_PRECISION,
    metrics_for,
    recall_rate,
    refuse_unknown_thresholds,
)
from solutionkit.declaration import Declaration, with_data
from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.examples.schema import FILE_NAME, frozen_schema, schema_text
from solutionkit.examples.splitting import SPLITS
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
    print(describe(audited))
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
    refuse_unknown_thresholds(declaration.thresholds)
    with_sample(project)
    prepare_environment()
    training = declaration.training
    with stderr_to(project.state / "logs" / "check.log"):
        if training.weights and training.weights_sha256:
            from solutionkit.models.pretrained import check_file

            check_file(training.weights, training.weights_sha256)
        audited = audit(project)
    calibrated = declaration.training.method != "anomaly"
    rate = recall_rate(declaration)
    metrics = list(metrics_for(len(audited.spec.classes), audited.spec.detects, rate, calibrated))
    if declaration.business and declaration.business.alert_budget:
        metrics += [CARD_PRECISION, ALERT_RECALL]
    refuse_unknown_thresholds(declaration.thresholds, metrics)
    return project, audited


def describe(audited: AuditedTable) -> str:
    """What a reader wants to know of audited data, a few lines."""
    spec = audited.spec
    rows = audited.rows()
    counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    lines = [
        f"rows     {sum(rows.values()):,}: {counts}",
        f"split    {audited.split_rule}",
        f"label    {spec.label}: {', '.join(_classes(audited))}",
        *(_image_lines(audited) if spec.image else _column_lines(audited)),
    ]
    shown = audited.notes[:SHOWN_NOTES]
    lines += [f"         {note}" for note in shown]
    if len(audited.notes) > len(shown):
        lines.append(f"         and {len(audited.notes) - len(shown)} more notes like these")
    return "\n".join(lines)


def _classes(audited: AuditedTable) -> list[str]:
    """How many rows each class has; the positive class of two comes first."""
    spec = audited.spec
    used = np.isin(audited.splits, SPLITS)
    counts = np.bincount(audited.table[spec.label].to_numpy()[used], minlength=len(spec.classes))
    order = [1, 0] if len(spec.classes) == 2 else range(len(spec.classes))
    return [f"{counts[i]:,} {spec.classes[i]!r} ({counts[i] / used.sum():.1%})" for i in order]


def _image_lines(audited: AuditedTable) -> list[str]:
    assert audited.spec.image is not None
    height, width, channels = audited.spec.image.shape
    colour = "grey" if channels == 1 else "colour"
    bits = audited.spec.image.bits
    return [f"images   {audited.folder}, read as {width} x {height} pixels in {colour}, {bits} bits"]


def by_reason(ignored: dict[str, str]) -> list[tuple[str, list[str]]]:
    """Columns left out, by why."""
    found: dict[str, list[str]] = {}
    for name, reason in ignored.items():
        found.setdefault(reason, []).append(name)
    return list(found.items())


def _column_lines(audited: AuditedTable) -> list[str]:
    spec = audited.spec
    lines = [f"columns  {audited.schema_origin}"]
    lines += [
        f"         {len(features)} {kind}: {', '.join(feature.name for feature in features) or 'none'}"
        for kind, features in (("numeric", spec.numeric), ("categorical", spec.categorical))
    ]
    missing = {feature.name: audited.table[feature.name].null_count for feature in spec.features}
    if any(missing.values()):
        cells = ", ".join(f"{name} {count:,}" for name, count in missing.items() if count)
        lines.append(f"         missing cells: {cells}")
    lines += [f"         ignored, {reason}: {', '.join(names)}" for reason, names in by_reason(spec.ignored)]
    if audited.inferred:
        lines.append("         freeze them with: solutionkit check --freeze")
    return lines
