"""Data against declaration: everything that would go wrong later, found and named now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.declaration import Declaration
from solutionkit.errors import DataError, suggestion
from solutionkit.examples import schema as schemas
from solutionkit.examples.columns import Feature, TableSpec, as_text, infer_features
from solutionkit.examples.conform import conform, to_class_ids, to_numbers
from solutionkit.examples.labels import label_classes, label_problems, split_problems
from solutionkit.examples.reading import joined, read_table
from solutionkit.examples.splitting import EVAL, SPLITS, TRAIN, assign_splits, hold_out_validation
from solutionkit.use_case import Project


@dataclass(frozen=True)
class AuditedTable:
    """A table that fits its declaration.

    Attributes:
        table: Typed columns (see `conform`).
        splits: `(rows,)` `train`, `validation` or `eval`.
        spec: What the columns are.
        split_rule: How the splits were made, in words.
        schema_origin: Where the features come from, in words.
        inferred: Whether the features were inferred rather than curated.
    """

    table: pa.Table
    splits: np.ndarray
    spec: TableSpec
    split_rule: str
    schema_origin: str
    inferred: bool

    def rows(self) -> dict[str, int]:
        """Number of rows of each split."""
        return {name: int((self.splits == name).sum()) for name in SPLITS}


def audit(project: Project) -> AuditedTable:
    """Read a project's data and check it whole.

    Raises:
        UserError: With one list of all that is wrong.
    """
    declaration = project.declaration
    data = declaration.data
    if data.path:
        raw = _with_split_table(read_table(data.path), declaration)
        given = None
        source = str(data.path)
    else:
        assert data.train and data.eval
        train, evaluation = read_table(data.train), read_table(data.eval)
        given = np.repeat(np.array([TRAIN, EVAL], object), [train.num_rows, evaluation.num_rows])
        raw, source = _joined(train, evaluation, data.train, data.eval), f"{data.train} and {data.eval.name}"
    columns = declaration.columns
    problems = [*unread_keys(declaration), *missing_columns(raw, declaration)]
    classes: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    if columns.label in raw.column_names:
        classes, found = label_classes(raw[columns.label], columns)
        problems += found
        if classes:
            ids, found = to_class_ids(raw[columns.label], columns.label, classes)
            problems += found or label_problems(ids, columns.label, classes)
            labels = None if found else ids.to_numpy()
    splits, rule = given, f"given by files: {data.train} trains, {data.eval} evaluates"
    if labels is not None:
        try:
            if given is None:
                splits, rule = assign_splits(raw, labels, declaration, source)
            else:
                hold_out_validation(given, raw, labels, declaration, source)
        except DataError as error:
            problems += [item for item in error.problems if item not in problems]
    training_rows = raw if splits is None else raw.filter(pa.array(splits == TRAIN))
    features, ignored, origin, inferred, found = describe(raw, training_rows, project)
    names = {feature.name for feature in features}
    carried = tuple(name for name in declaration.slices.columns if name not in names)
    spec = TableSpec(columns.label, classes, tuple(features), columns.id, carried, ignored)
    typed, unfit = conform(raw, spec, labelled=bool(classes))
    # A declared column that is missing has been named already, with the key that declares it.
    missing = [name for name in [*names, *spec.passengers] if any(f"'{name}' (" in item for item in problems)]
    problems += [
        item for item in [*found, *unfit] if not any(f"'{name}' is missing" in item for name in missing)
    ]
    problems = list(dict.fromkeys(problems))
    if problems or labels is None or splits is None:
        raise DataError(source, problems)
    problems = [*split_problems(labels, splits, spec), *feature_problems(typed, spec)]
    if problems:
        raise DataError(source, problems)
    return AuditedTable(typed, splits, spec, rule, origin, inferred)


def describe(
    raw: pa.Table, training_rows: pa.Table, project: Project
) -> tuple[list[Feature], dict[str, str], str, bool, list[str]]:
    """`(features, ignored, origin, inferred, problems)`: by the curated schema if it fits, else inferred."""
    columns = project.declaration.columns
    file = project.declaration.data.schema_ or project.folder / schemas.FILE_NAME
    schema = schemas.load_schema(file) if project.declaration.data.schema_ or file.is_file() else None
    named = {item.name for item in schema.feature} if schema else set()
    problems: list[str] = []
    if schema is None or not {columns.label, *columns.features} <= named:
        features, ignored = infer_features(training_rows, columns)
        origin = "inferred from the data"
        if schema is not None:
            origin += f" ({file.name} describes another table)"
        problems += drift_problems(features, project, raw)
    else:
        origin = f"curated in {file.name}"
        features = schemas.features_of(schema, but=columns.not_features)
        ignored = dict.fromkeys(columns.ignore, "declared under columns.ignore")
        problems += [
            f"the column '{name}' is not in {file.name}; add it there, or list it under columns.ignore"
            for name in raw.column_names
            if name not in columns.not_features | named
        ]
    if not features and not problems:
        problems.append("no feature column is left; see the columns listed under [columns]")
    return features, ignored, origin, origin.startswith("inferred"), problems


def unread_keys(declaration: Declaration) -> list[str]:
    """Keys for images and texts, which a table has no use for."""
    given = {
        "data.labels": declaration.data.labels,
        "columns.text": declaration.columns.text,
        "columns.image": declaration.columns.image,
    }
    return [
        f"use_case.toml: {key} is not read by this use case; remove it"
        for key, value in given.items()
        if value
    ]


def missing_columns(raw: pa.Table, declaration: Declaration) -> list[str]:
    """Declared columns that the data lacks, with the nearest name that it has."""
    columns = declaration.columns
    names = set(raw.column_names)
    declared = {"columns.label": [columns.label], "slices.columns": declaration.slices.columns}
    for part in ("id", "time", "group", "split"):
        declared[f"columns.{part}"] = [value] if (value := getattr(columns, part)) else []
    declared["columns.numeric"], declared["columns.categorical"] = columns.numeric, columns.categorical
    if declaration.data.path is None:
        declared["columns.split"] = []
    # A column may be ignored because it is gone for good; one that is nearly there is a typing error.
    declared["columns.ignore"] = [name for name in columns.ignore if suggestion(name, names)]
    return [
        f"the column '{name}' ({key}) is missing{suggestion(name, names)}"
        for key, wanted in declared.items()
        for name in wanted
        if name not in names
    ]


def feature_problems(table: pa.Table, spec: TableSpec) -> list[str]:
    """Floods of missing and of unseen values."""
    problems = []
    for feature in spec.features:
        values = table[feature.name]
        share = 1 - values.null_count / len(values)
        if share < feature.min_fraction:
            problems.append(
                f"the column '{feature.name}' is missing in {1 - share:.0%} of the rows (allowed:"
                f" {1 - feature.min_fraction:.0%}); mend it, or list it under columns.ignore"
            )
        if feature.kind == "categorical" and values.null_count < len(values):
            problems += _unseen(values.drop_null(), feature)
    return problems


def _unseen(values: pa.ChunkedArray, feature: Feature) -> list[str]:
    known = pc.is_in(values, pa.array(feature.domain, pa.string()))
    share = pc.mean(known).as_py()
    if share >= feature.min_domain_mass:
        return []
    unseen = pc.value_counts(values.filter(pc.invert(known))).to_pylist()
    unseen.sort(key=lambda item: (-item["counts"], item["values"]))
    shown = ", ".join(f"{item['values']!r} ({item['counts']} rows)" for item in unseen[:3])
    return [
        f"the column '{feature.name}' has values unknown to the schema: {shown}; known are"
        f" {', '.join(map(repr, feature.domain[:6]))}{' …' if len(feature.domain) > 6 else ''}"
    ]


def drift_problems(features: list[Feature], project: Project, raw: pa.Table) -> list[str]:
    """Columns that the latest run used and that are now missing or of another kind.

    Without a curated schema nothing else would notice that an inferred column went missing.
    """
    file = project.runs / "latest" / schemas.FILE_NAME
    if not file.is_file():
        return []
    before = schemas.load_schema(file)
    columns = project.declaration.columns
    if columns.label not in {item.name for item in before.feature}:
        return []
    now = {feature.name: feature.kind for feature in features}
    problems = []
    carried = {columns.label, columns.id, *project.declaration.slices.columns}
    for feature in schemas.features_of(before, but=columns.not_features):
        if feature.name not in raw.column_names:
            if feature.name not in {*columns.features, *carried}:
                problems.append(
                    f"the column '{feature.name}' is missing, but the latest run used it; list it under"
                    " columns.ignore if it is gone for good"
                )
        elif feature.name not in columns.features and now.get(feature.name, feature.kind) != feature.kind:
            problems.append(
                f"the column '{feature.name}' is {now[feature.name]} now but was {feature.kind} in the latest"
                f" run; state its kind under columns.{feature.kind} or columns.{now[feature.name]}"
            )
    return problems


def _with_split_table(raw: pa.Table, declaration: Declaration) -> pa.Table:
    """The rows with the split column of `data.split_table` beside them."""
    file, name = declaration.data.split_table, declaration.columns.split
    if not file or not name:
        return raw
    beside = read_table(file)
    if name not in beside.column_names:
        raise DataError(
            str(file), [f"the split column '{name}' is missing{suggestion(name, beside.column_names)}"]
        )
    key = declaration.columns.id
    if key and key in beside.column_names and key in raw.column_names:
        keys = as_text(beside[key]).to_pylist()
        by_key = dict(zip(keys, beside[name].to_pylist(), strict=True))
        wanted = as_text(raw[key]).to_pylist()
        unknown = [value for value in wanted if value not in by_key]
        if unknown or len(by_key) < len(keys):
            fault = (
                f"it lacks {len(unknown)} ids of the data, e.g. {unknown[0]!r}"
                if unknown
                else "ids stand twice"
            )
            raise DataError(str(file), [f"{fault}; each row of the data needs one line, by '{key}'"])
        column = pa.chunked_array([[by_key[value] for value in wanted]])
    elif beside.num_rows == raw.num_rows:
        column = beside[name]
        if "row" in beside.column_names:
            order = to_numbers(beside["row"], "row")[0].fill_null(-1).to_numpy()
            if sorted(order) != list(range(raw.num_rows)):
                raise DataError(str(file), ["the column 'row' must number the data's rows from 0"])
            column = column.take(pa.array(np.argsort(order)))
    else:
        raise DataError(
            str(file), [f"it has {beside.num_rows} rows, the data {raw.num_rows}; they must match row by row"]
        )
    kept = raw.drop_columns([name]) if name in raw.column_names else raw
    return kept.append_column(name, column)


def _joined(train: pa.Table, evaluation: pa.Table, train_file: Path, eval_file: Path) -> pa.Table:
    differing = set(train.column_names) ^ set(evaluation.column_names)
    if differing:
        raise DataError(
            f"{train_file} and {eval_file}", [f"their columns differ: {', '.join(sorted(differing))}"]
        )
    return joined([train, evaluation.select(train.column_names)], f"{train_file} and {eval_file}")
