"""Data against declaration: everything that would go wrong later, found and named now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.declaration import Columns, Declaration
from solutionkit.errors import DataError, suggestion
from solutionkit.examples import schema as schemas
from solutionkit.examples.columns import Feature, TableSpec, as_text, infer_features
from solutionkit.examples.conform import conform
from solutionkit.examples.reading import read_table
from solutionkit.examples.splitting import EVAL, SPLITS, TRAIN, assign_splits, hold_out_validation
from solutionkit.use_case import Project

NEGATIVES = {"1": "0", "yes": "no", "true": "false", "y": "n", "t": "f"}
FEWEST_OF_A_CLASS = 20


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
    spec, origin, inferred, problems = describe(raw, project, given)
    typed, found = conform(raw, spec, labelled=not label_is_wrong(raw, project.declaration.columns))
    # A declared column that is missing has been named already, with the key that declares it.
    problems += [
        item for item in found if not any(item.split(" is missing")[0] in known for known in problems)
    ]
    if spec.label in typed.column_names:
        problems += label_problems(typed[spec.label], spec)
    if problems:
        raise DataError(source, problems)
    labels = typed[spec.label].to_numpy()
    if given is None:
        splits, rule = assign_splits(raw, labels, declaration, source)
    else:
        splits, rule = given, f"given by files: {data.train} trains, {data.eval} evaluates"
        hold_out_validation(splits, raw, labels, declaration, source)
    problems = [*split_problems(labels, splits, spec), *feature_problems(typed, spec)]
    if problems:
        raise DataError(source, problems)
    return AuditedTable(typed, splits, spec, rule, origin, inferred)


def describe(
    raw: pa.Table, project: Project, given: np.ndarray | None
) -> tuple[TableSpec, str, bool, list[str]]:
    """`(spec, origin, inferred, problems)`: the columns by the curated schema if it fits, else inferred."""
    columns = project.declaration.columns
    problems = missing_columns(raw, project.declaration)
    classes: tuple[str, ...] = ("0", "1")
    if columns.label in raw.column_names:
        classes, found = label_classes(raw[columns.label], columns)
        problems += found
    file = project.declaration.data.schema_ or project.folder / schemas.FILE_NAME
    schema = schemas.load_schema(file) if project.declaration.data.schema_ or file.is_file() else None
    named = {item.name for item in schema.feature} if schema else set()
    inferred = schema is None or not {columns.label, *columns.features} <= named
    if inferred:
        visible = raw if given is None else raw.filter(pa.array(given == TRAIN))
        features, ignored = infer_features(visible, columns)
        origin = "inferred from the data"
        if schema is not None:
            origin += f" ({file.name} describes another table)"
        problems += drift_problems(features, project, raw)
    else:
        assert schema is not None
        origin = f"curated in {file.name}"
        features = schemas.features_of(schema, but=columns.not_features)
        known = {feature.name for feature in features} | columns.not_features
        ignored = dict.fromkeys(columns.ignore, "declared under columns.ignore")
        problems += [
            f"the column '{name}' is not in {file.name}; add it there, or list it under columns.ignore"
            for name in raw.column_names
            if name not in known and name not in named
        ]
    if not features and not problems:
        problems.append("no feature column is left; see the columns listed under [columns]")
    carried = tuple(
        name for name in project.declaration.slices.columns if name not in {f.name for f in features}
    )
    spec = TableSpec(columns.label, classes, tuple(features), columns.id, carried, ignored)
    return spec, origin, inferred, problems


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
    return [
        f"the column '{name}' ({key}) is missing{suggestion(name, names)}"
        for key, wanted in declared.items()
        for name in wanted
        if name not in names
    ]


def label_classes(values: pa.ChunkedArray, columns: Columns) -> tuple[tuple[str, ...], list[str]]:
    """`((negative, positive), problems)` of a binary label."""
    found = sorted(pc.unique(as_text(values).drop_null()).to_pylist())
    shown = ", ".join(map(repr, found[:6])) + (" …" if len(found) > 6 else "")
    if len(found) != 2:
        advice = "a model needs both classes" if len(found) < 2 else "a binary label is needed"
        return ("0", "1"), [
            f"the label '{columns.label}' has {len(found)} distinct values ({shown}); {advice}"
        ]
    positive = columns.positive
    if positive is None:
        by_habit = [value for value in found if NEGATIVES.get(value.lower()) in [v.lower() for v in found]]
        if not by_habit:
            return ("0", "1"), [
                f"which value of '{columns.label}' is positive ({shown})? Set columns.positive"
            ]
        wanted = by_habit[0]
    else:
        wanted = str(positive).lower() if isinstance(positive, bool) else str(positive)
    if wanted not in found:
        return ("0", "1"), [f"columns.positive = {wanted!r} is no value of '{columns.label}' ({shown})"]
    return (next(value for value in found if value != wanted), wanted), []


def label_is_wrong(raw: pa.Table, columns: Columns) -> bool:
    """Whether the label is missing or its classes are already a problem."""
    return columns.label not in raw.column_names or bool(label_classes(raw[columns.label], columns)[1])


def label_problems(labels: pa.ChunkedArray, spec: TableSpec) -> list[str]:
    """Too few rows of a class to learn or to judge anything."""
    counts = {spec.classes[i]: pc.sum(pc.equal(labels, i)).as_py() or 0 for i in range(len(spec.classes))}
    return [
        f"only {count} rows have {spec.label} = {name!r}; at least {FEWEST_OF_A_CLASS} are needed"
        for name, count in counts.items()
        if count < FEWEST_OF_A_CLASS
    ]


def split_problems(labels: np.ndarray, splits: np.ndarray, spec: TableSpec) -> list[str]:
    """Splits that lack a class."""
    return [
        f"the {name} rows ({int((splits == name).sum())}) hold no {spec.label} = {value!r};"
        " choose another split"
        for name in SPLITS
        for i, value in enumerate(spec.classes)
        if not (labels[splits == name] == i).any()
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
        elif feature.name in now and now[feature.name] != feature.kind:
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
        by_key = dict(zip(as_text(beside[key]).to_pylist(), beside[name].to_pylist(), strict=True))
        column = pa.chunked_array([[by_key.get(value) for value in as_text(raw[key]).to_pylist()]])
    elif beside.num_rows == raw.num_rows:
        column = beside[name]
        if "row" in beside.column_names:
            order = beside["row"].cast(pa.int64()).to_numpy()
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
    return pa.concat_tables([train, evaluation.select(train.column_names)], promote_options="permissive")
