"""What the columns of a table are: by its curated schema, or inferred."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import shortened
from solutionkit.errors import Problem
from solutionkit.examples import schema as schemas
from solutionkit.examples.columns import infer_features
from solutionkit.examples.written import measured
from solutionkit.kinds import Feature, kind_of
from solutionkit.modalities.rows import Dataset, Description

# Of a schema's columns; a table with fewer is another one.
SHARED_COLUMNS = 0.5
# As many may be sizes or classes with a unit beside, e.g. '12 kg'.
FEW_VALUES = 20

if TYPE_CHECKING:
    from solutionkit.use_case import Project


def other_references(features: list[Feature], reference: str | None, name: str) -> list[Problem]:
    """Where a schema has columns seen from another date than is declared."""
    problems = []
    for item in features:
        declared = kind_of(item).seen_from(item, reference).reference
        if item.name != reference and item.reference != declared:
            message = (
                f"{name} has '{item.name}' seen from {item.reference or 'no date'}, not {declared or 'none'}"
            )
            remedy = "make columns.reference the same, or freeze the schema anew"
            problems.append(Problem("reference", message, remedy, item.name))
    return problems


def unread_cells(name: str, values: pa.ChunkedArray) -> Problem | None:
    """Why a column of texts should not be left out, or taken for names, in silence."""
    if not measured(values) or len(pc.unique(values)) <= FEW_VALUES:
        return None
    example = shortened(str(values.drop_null()[0].as_py()))
    return Problem(
        "unread_cells",
        f"the column '{name}' looks like numbers or times that are not read, e.g. '{example}'",
        "write plain numbers, or dates like 2025-12-31; or list it under columns.id, columns.categorical or"
        " columns.ignore",
        name,
    )


def describe(data: Dataset, training_rows: pa.Table, project: Project) -> Description:
    """By the curated schema if it fits the label and the declared columns, else inferred.

    Args:
        data: All raw rows.
        training_rows: Those from which kinds and values are inferred.
        project: Its declaration, and where its schema is.
    """
    raw, computed = data.table, data.computed
    told = {problem.column for problem in data.problems}
    columns = project.declaration.columns
    file = project.declaration.data.schema_ or project.folder / schemas.FILE_NAME
    schema = schemas.load_schema(file) if project.declaration.data.schema_ or file.is_file() else None
    disabled = schemas.left_out(schema) if schema else {}
    named = {item.name for item in schema.feature} - disabled.keys() if schema else set()
    problems: list[Problem] = []
    label = schemas.label_of(schema, columns.label) if schema else columns.label
    inferred = schema is None or label != columns.label or not {columns.label, *columns.features} <= named
    # By chance the label of another table may be called the same.
    inferred = inferred or len(named & set(raw.column_names)) < SHARED_COLUMNS * len(named)
    if schema is None or inferred:
        features, ignored = infer_features(training_rows, columns)
        unread = [*ignored, *(feature.name for feature in features if kind_of(feature).is_text)]
        problems += [
            problem
            for name in unread
            if name not in {*columns.as_written, *told}
            and (problem := unread_cells(name, training_rows[name]))
        ]
        origin = "inferred from the data"
        if schema is not None:
            relabelled = label != columns.label and label in raw.column_names
            other = f"the label '{label}'" if relabelled else "another table"
            origin += f" ({file.name} describes {other})"
    else:
        origin = f"curated in {file.name}"
        features = [
            item for item in schemas.features_of(schema, but=columns.not_features) if not item.computed
        ]
        problems += other_references(features, columns.reference, file.name)
        # Computed columns follow the declaration, not what a schema once said.
        made = training_rows.select([name for name in raw.column_names if name in computed])
        features += infer_features(made, columns)[0]
        ignored = disabled | dict.fromkeys(columns.ignore, "declared under columns.ignore")
        problems += [
            Problem(
                "unknown_column",
                f"the column '{name}' is not in {file.name}",
                "add it there, or list it under columns.ignore",
                name,
            )
            for name in raw.column_names
            if name not in {*columns.not_features, *named, *disabled, *computed}
        ]
    if not features and not problems:
        message = "no feature column is left"
        problems.append(Problem("no_feature", message, "see the columns listed under [columns]"))
    return Description(tuple(features), ignored, origin, inferred, tuple(problems))
