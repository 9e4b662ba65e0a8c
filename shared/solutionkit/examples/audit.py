"""Data against declaration: everything that would go wrong later, found and named now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.declaration import FILE_NAME, Columns, Declaration
from solutionkit.errors import DataError, suggestion
from solutionkit.examples import schema as schemas
from solutionkit.examples.columns import Feature, TableSpec, as_text, infer_features, take_rows
from solutionkit.examples.conform import conform, to_class_ids, to_numbers
from solutionkit.examples.declared import missing_columns, nested_problems, undetecting_problems, use_problems
from solutionkit.examples.history import history_facts, to_events, unlabelled, with_history, with_subjects
from solutionkit.examples.images import (
    ImageTable,
    copy_notes,
    file_column,
    image_feature,
    read_images,
    shape_problems,
)
from solutionkit.examples.labels import canonical, label_classes, label_problems, split_problems
from solutionkit.examples.point_in_time import future_problems
from solutionkit.examples.reading import joined, read_table
from solutionkit.examples.splitting import (
    EVAL,
    SPLITS,
    TRAIN,
    assign_splits,
    hold_out_validation,
    leave_blocked_out,
    leave_out,
    parted,
    row_units,
    short_history,
)
from solutionkit.examples.telltale import telltale_problems
from solutionkit.use_case import Project, UseCase


@dataclass(frozen=True)
class AuditedTable:
    """A table that fits its declaration; of images it holds the paths.

    Attributes:
        table: Typed columns (see `conform`).
        splits: `(rows,)` `train`, `validation` or `eval`.
        spec: What the columns are.
        split_rule: How the splits were made, in words.
        schema_origin: Where the features come from, in words.
        inferred: Whether the features were inferred and could be frozen into a curated schema.
        folder: Where the paths of images start.
        notes: What was left out, one sentence each.
    """

    table: pa.Table
    splits: np.ndarray
    spec: TableSpec
    split_rule: str
    schema_origin: str
    inferred: bool
    folder: Path | None = None
    notes: tuple[str, ...] = ()

    def rows(self) -> dict[str, int]:
        """Number of rows of each split."""
        return {name: int((self.splits == name).sum()) for name in SPLITS}


def audit(project: Project) -> AuditedTable:
    """Read a project's data and check it whole.

    Raises:
        UserError: With one list of all that is wrong.
    """
    declaration, use_case = project.declaration, project.use_case
    columns = declaration.columns
    problems = use_problems(declaration, use_case)
    if problems:
        raise DataError(str(project.folder / FILE_NAME), problems)
    images = read_images(declaration) if columns.image else None
    if images is not None:
        raw, given, source = images.table, None, str(images.folder)
        problems += images.problems
        notes = images.notes
    else:
        raw, given, source = _read_tables(declaration)
        notes = []
    problems += missing_columns(raw, declaration)
    if nested := nested_problems(raw, declaration):
        raise DataError(source, [*problems, *nested])
    computed: set[str] = set()
    if declaration.history is not None and not problems:
        before = set(raw.column_names)
        raw, found = _with_history(raw, declaration, use_case, source)
        problems += found
        computed = set(raw.column_names) - before
    waiting = unlabelled(raw, declaration)
    if waiting.any() and not waiting.all():
        raw = take_rows(raw, ~waiting)
        given = None if given is None else given[~waiting]
        notes.append(f"{waiting.sum():,} rows have no label yet; they are history alone")
    classes: tuple[str, ...] = ()
    detects = True
    labels: np.ndarray | None = None
    if columns.label in raw.column_names:
        if declaration.training.method == "anomaly":
            raw = good_or_not(raw, columns)
        several = use_case.class_metric is not None
        classes, detects, found = label_classes(raw[columns.label], columns, several)
        problems += found
        if classes:
            ids, found = to_class_ids(raw[columns.label], columns.label, classes)
            problems += found or label_problems(ids, columns.label, classes)
            labels = None if found else ids.to_numpy()
            if not detects:
                problems += undetecting_problems(declaration)
    splits, rule = (
        given,
        f"given by files: {declaration.data.train} trains, {declaration.data.eval} evaluates",
    )
    units = row_units(raw, declaration, [item.digest for item in images.pictures] if images else None)
    timed = columns.time is None or columns.time in raw.column_names
    if labels is not None and timed:
        try:
            if given is None:
                splits, rule, left = assign_splits(raw, labels, declaration, source, units)
            else:
                left = leave_out(given, raw, declaration, source)
                hold_out_validation(given, raw, labels, declaration, source, units)
                left += leave_blocked_out(given, raw, labels, declaration, source)
            notes += left
            if splits is not None:
                notes += short_history(raw, splits, declaration, source)
        except DataError as error:
            problems += [item for item in error.problems if item not in problems]
    if splits is not None:
        notes += _parted_notes(raw, splits, declaration, images)
    training_rows = raw if splits is None else take_rows(raw, splits == TRAIN)
    features, ignored, origin, inferred, found = describe(raw, training_rows, project, images, computed)
    names = {feature.name for feature in features}
    identity = columns.id or (file_column(columns.image) if columns.image else None)
    # The group goes along, because the comparison draws whole groups; time and card, because it draws days.
    wanted = [*declaration.slices.columns, *([columns.group] if columns.group else [])]
    wanted += [columns.card, columns.time] if columns.card and columns.time else []
    carried = tuple(name for name in dict.fromkeys(wanted) if name not in {*names, identity})
    spec = TableSpec(
        columns.label,
        classes,
        tuple(features),
        identity,
        carried,
        ignored,
        detects,
        columns.mask,
        history_facts(declaration),
    )
    typed, unfit = conform(raw, spec, labelled=bool(classes))
    # A declared column that is missing has been named already, with the key that declares it.
    missing = [name for name in [*names, *spec.passengers] if any(f"'{name}' (" in item for item in problems)]
    told = {item.partition(" (")[0] for item in problems}
    problems += [
        item
        for item in [*found, *unfit]
        if not any(f"'{name}' is missing" in item for name in missing) and item.partition(" (")[0] not in told
    ]
    problems = list(dict.fromkeys(problems))
    if problems or labels is None or splits is None:
        raise DataError(source, problems)
    sound_alone = declaration.training.method == "anomaly"
    problems = [*split_problems(labels, splits, spec, sound_alone), *feature_problems(typed, spec)]
    if spec.image is None:
        rows = splits == TRAIN
        trained = take_rows(typed, rows)
        problems += telltale_problems(trained, labels[rows], spec, columns.features)
    if problems:
        raise DataError(source, problems)
    folder = images.folder if images is not None else None
    return AuditedTable(typed, splits, spec, rule, origin, inferred, folder, tuple(notes))


def _with_history(
    raw: pa.Table, declaration: Declaration, use_case: UseCase, source: str
) -> tuple[pa.Table, list[str]]:
    """`(rows with the computed columns beside, problems)`; without them, where there are problems."""
    assert use_case.history is not None
    try:
        events = to_events(raw, declaration, source)
        with_columns = with_history(raw, events, declaration, use_case.history, source)
    except DataError as error:
        return raw, error.problems
    return with_columns, future_problems(events, declaration, use_case.history)


def _parted_notes(
    raw: pa.Table, splits: np.ndarray, declaration: Declaration, images: ImageTable | None
) -> list[str]:
    """Groups and copies that a split which the data gives puts on both sides."""
    columns = declaration.columns
    notes = copy_notes(images, columns.image or "", splits) if images is not None else []
    if columns.group:
        count = len(parted(row_units(raw, declaration), splits))
        if count:
            notes.append(
                f"{count} groups by '{columns.group}' stand on both sides of the given split, which flatters"
                " both models"
            )
    return notes


def _read_tables(declaration: Declaration) -> tuple[pa.Table, np.ndarray | None, str]:
    """`(rows, splits if the files give them, source)` of a table."""
    data = declaration.data
    if data.path:
        return _with_split_table(read_table(data.path), declaration), None, str(data.path)
    assert data.train and data.eval
    train, evaluation = read_table(data.train), read_table(data.eval)
    given = np.repeat(np.array([TRAIN, EVAL], object), [train.num_rows, evaluation.num_rows])
    source = f"{data.train} and {data.eval.name}"
    return _joined(train, evaluation, data.train, data.eval), given, source


def describe(
    raw: pa.Table, training_rows: pa.Table, project: Project, images: ImageTable | None, computed: set[str]
) -> tuple[list[Feature], dict[str, str], str, bool, list[str]]:
    """`(features, ignored, origin, inferred, problems)`: by the curated schema if it fits, else inferred."""
    columns = project.declaration.columns
    if images is not None and columns.image:
        if not images.pictures:
            return [], {}, "", False, []
        feature = image_feature(columns.image, images.pictures, project.declaration.images.size)
        spoken_for = {columns.image, file_column(columns.image), *project.declaration.slices.columns}
        ignored = {
            name: "beside the image, which is all that the models read"
            for name in raw.column_names
            if name not in columns.not_features | spoken_for
        }
        return [feature], ignored, "one image a row", False, shape_problems(feature)
    file = project.declaration.data.schema_ or project.folder / schemas.FILE_NAME
    schema = schemas.load_schema(file) if project.declaration.data.schema_ or file.is_file() else None
    disabled = schemas.left_out(schema) if schema else {}
    named = {item.name for item in schema.feature} - disabled.keys() if schema else set()
    problems: list[str] = []
    label = schemas.label_of(schema, columns.label) if schema else columns.label
    if schema is None or label != columns.label or not {columns.label, *columns.features} <= named:
        features, ignored = infer_features(training_rows, columns)
        origin = "inferred from the data"
        if schema is not None:
            relabelled = label != columns.label and label in raw.column_names
            other = f"the label '{label}'" if relabelled else "another table"
            origin += f" ({file.name} describes {other})"
        problems += drift_problems(features, project, raw)
    else:
        origin = f"curated in {file.name}"
        features = [
            item for item in schemas.features_of(schema, but=columns.not_features) if not item.computed
        ]
        # Computed columns follow the declaration, not what a schema once said.
        made = training_rows.select([name for name in raw.column_names if name in computed])
        features += infer_features(made, columns)[0]
        ignored = disabled | dict.fromkeys(columns.ignore, "declared under columns.ignore")
        problems += [
            f"the column '{name}' is not in {file.name}; add it there, or list it under columns.ignore"
            for name in raw.column_names
            if name not in columns.not_features | named | disabled.keys() | computed
        ]
    features = with_subjects(features, project.declaration, computed)
    if not features and not problems:
        problems.append("no feature column is left; see the columns listed under [columns]")
    return features, ignored, origin, origin.startswith("inferred"), problems


def good_or_not(raw: pa.Table, columns: Columns) -> pa.Table:
    """The table with all labels but the negative one made into one, for learning from good rows alone."""
    texts = as_text(raw[columns.label])
    same = {canonical(value): value for value in pc.unique(texts.drop_null()).to_pylist()}
    good = same.get(canonical(str(columns.negative)))
    if good is None:
        return raw
    other = f"not {good}"
    labels = pc.if_else(pc.equal(texts, good), texts, pc.if_else(pc.is_valid(texts), other, texts))
    return raw.set_column(raw.column_names.index(columns.label), columns.label, labels)


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
    # Of another label the features are others too.
    if schemas.label_of(before, columns.label) != columns.label:
        return []
    now = {feature.name: feature.kind for feature in features}
    problems = []
    carried = {columns.label, columns.id, *project.declaration.slices.columns}
    for feature in schemas.features_of(before, but=columns.not_features):
        if feature.computed:
            continue
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
