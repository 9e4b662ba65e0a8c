"""The declaration against its use case and against the columns that the data has."""

from __future__ import annotations

from itertools import chain

import pyarrow as pa

from solutionkit.declaration import Declaration, span
from solutionkit.errors import suggestion
from solutionkit.examples.columns import nested_columns
from solutionkit.use_case import UseCase


def use_problems(declaration: Declaration, use_case: UseCase) -> list[str]:
    """Keys that the use case has no use for, and keys that it cannot do without."""
    columns = declaration.columns
    given: dict[str, object] = {"columns.text": columns.text}
    if use_case.family.images:
        given |= {"columns.numeric": columns.numeric, "columns.categorical": columns.categorical}
        given |= {"data.split_table": declaration.data.split_table, "data.schema": declaration.data.schema_}
        given |= {"columns.card": columns.card, "columns.merchant": columns.merchant}
        given |= {"columns.amount": columns.amount, "data.label_delay": span(declaration.data.label_delay)}
    else:
        given |= {"data.labels": declaration.data.labels, "columns.image": columns.image}
        given |= {"training.backbone": declaration.training.backbone}
    if use_case.history is None:
        given["[history]"] = declaration.history
    problems = [f"{key} is not read by this use case; remove it" for key, value in given.items() if value]
    if use_case.family.images and not columns.image:
        problems.append(
            "columns.image is missing: the column of data.labels that holds the paths; of a folder without"
            ' such a table any name, e.g. "image"'
        )
    if declaration.training.method == "anomaly":
        if use_case.family.anomaly is None:
            problems.append('training.method = "anomaly" is not known to this use case; remove it')
        elif columns.negative is None:
            problems.append('training.method = "anomaly" needs columns.negative, the value of good rows')
    return problems


def undetecting_problems(declaration: Declaration) -> list[str]:
    """What needs to know which class means that nothing was found."""
    if declaration.business is None:
        return []
    return [
        f"[business] needs to know which value of '{declaration.columns.label}' means that nothing was found:"
        " set columns.negative, or remove [business]"
    ]


def declared_columns(declaration: Declaration) -> dict[str, list[str]]:
    """The columns that the declaration wants, by its key."""
    columns = declaration.columns
    declared = {"columns.label": [columns.label], "slices.columns": declaration.slices.columns}
    for part in ("id", "time", "group", "split", "mask", "card", "merchant", "amount"):
        declared[f"columns.{part}"] = [value] if (value := getattr(columns, part)) else []
    declared["columns.numeric"], declared["columns.categorical"] = columns.numeric, columns.categorical
    return declared


def missing_columns(raw: pa.Table, declaration: Declaration) -> list[str]:
    """Declared columns that the data lacks, with the nearest name that it has."""
    columns, declared = declaration.columns, declared_columns(declaration)
    names = set(raw.column_names)
    if declaration.data.path is None:
        declared["columns.split"] = []
    # A column may be ignored because it is gone for good; one that is nearly there is a typing error.
    declared["columns.ignore"] = [name for name in columns.ignore if suggestion(name, names)]
    patterns = [name for name in columns.ignore if {"*", "?"} & set(name) and name not in names]
    return [
        *(f"columns.ignore: '{name}' is a pattern, which is not read; name each column" for name in patterns),
        *_missing(declared, names),
    ]


def nested_problems(raw: pa.Table, declaration: Declaration) -> list[str]:
    """Declared columns whose cells are lists, structs or the like."""
    return nested_columns(raw, chain(*declared_columns(declaration).values()))


def _missing(declared: dict[str, list[str]], names: set[str]) -> list[str]:
    return [
        f"the column '{name}' ({key}) is missing{suggestion(name, names)}"
        for key, wanted in declared.items()
        for name in wanted
        if name not in names
    ]
