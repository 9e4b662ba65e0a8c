"""The declaration against its use case and against the columns that the data has."""

from __future__ import annotations

from itertools import chain

import pyarrow as pa

from solutionkit.cells import nested_problems
from solutionkit.declaration import Declaration
from solutionkit.errors import Problem, suggestion
from solutionkit.use_case import Project

# `training.method` unless another is declared.
USUAL_METHOD = "supervised"


def use_problems(project: Project) -> list[Problem]:
    """Keys that the use case has no use for, and keys that it cannot do without."""
    declaration, modality = project.declaration, project.use_case.modality
    method = declaration.training.method
    problems = modality.declaration_problems(declaration) + project.task.worth_problems(declaration)
    if method == USUAL_METHOD:
        return problems
    if method not in modality.methods:
        message = f'training.method = "{method}" is not known to this use case'
        problems.append(Problem("unknown_method", message, "remove it"))
    return problems


def declared_columns(declaration: Declaration) -> dict[str, list[str]]:
    """The columns that the declaration wants, by its key."""
    columns = declaration.columns
    declared = {"columns.label": [columns.label], "slices.columns": declaration.slices.columns}
    for part in ("id", "time", "group", "split", "mask", "card", "merchant", "amount", "reference"):
        declared[f"columns.{part}"] = [value] if (value := getattr(columns, part)) else []
    declared["columns.further_labels"] = columns.further_labels
    declared["columns.date"] = columns.date
    declared["columns.numeric"], declared["columns.categorical"] = columns.numeric, columns.categorical
    return declared


def missing_columns(
    raw: pa.Table, declaration: Declaration, made: frozenset[str] = frozenset()
) -> list[Problem]:
    """Declared columns that the data lacks, with the nearest name that it has.

    Args:
        raw: The data.
        declaration: Names columns.
        made: Columns that are made of the data.
    """
    columns, declared = declaration.columns, declared_columns(declaration)
    declared["slices.columns"] = [name for name in declared["slices.columns"] if name not in made]
    names = set(raw.column_names)
    if declaration.data.path is None:
        declared["columns.split"] = []
    # A column may be ignored because it is gone for good; one that is nearly there is a typing error.
    declared["columns.ignore"] = [name for name in columns.ignore if suggestion(name, names)]
    patterns = [name for name in columns.ignore if {"*", "?"} & set(name) and name not in names]
    return [
        *(
            Problem(
                "pattern",
                f"columns.ignore: '{name}' is a pattern, which is not read; name each column",
                column=name,
            )
            for name in patterns
        ),
        *_missing(declared, names),
    ]


def nested_columns(raw: pa.Table, declaration: Declaration) -> list[Problem]:
    """Declared columns whose cells are lists, structs or the like."""
    return nested_problems(raw, chain(*declared_columns(declaration).values()))


def _missing(declared: dict[str, list[str]], names: set[str]) -> list[Problem]:
    return [
        Problem(
            "missing_column", f"the column '{name}' ({key}) is missing{suggestion(name, names)}", column=name
        )
        for key, wanted in declared.items()
        for name in wanted
        if name not in names
    ]
