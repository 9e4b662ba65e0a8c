"""Data against declaration: everything that would go wrong later, found and named now."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import take_rows
from solutionkit.declaration import FILE_NAME, Declaration
from solutionkit.errors import DataError, Problem
from solutionkit.examples.cast import cast, cast_features
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.declared import missing_columns, nested_columns, use_problems
from solutionkit.examples.further import further_leaks, further_tasks
from solutionkit.examples.leakage import gap_notes
from solutionkit.examples.left_out import left_out_problems
from solutionkit.examples.splitting import (
    Sides,
    assign_splits,
    hold_out_validation,
    leave_out,
    parted,
    row_units,
    training_folds,
)
from solutionkit.kinds import kind_of
from solutionkit.modalities.rows import Dataset, Description
from solutionkit.splits import EVAL, FEWEST_UNITS, SPLITS, TRAIN
from solutionkit.tasks.base import Task
from solutionkit.use_case import Project


@dataclass(frozen=True)
class AuditedTable:
    """A table that fits its declaration; where cells are files it holds the paths.

    Attributes:
        table: Typed columns (see `cast`).
        splits: `(rows,)` `train`, `validation` or `eval`.
        folds: `(rows,)` see `splitting.training_folds`.
        spec: What the columns are.
        split_rule: How the splits were made, in words.
        schema_origin: Where the features come from, in words.
        inferred: Whether the features were inferred and could be frozen into a curated schema.
        folder: Where the paths of files start.
        notes: What was left out, one sentence each.
    """

    table: pa.Table
    splits: np.ndarray
    folds: np.ndarray
    spec: TableSpec
    split_rule: str
    schema_origin: str
    inferred: bool
    folder: Path | None = None
    notes: tuple[str, ...] = ()

    def rows(self) -> dict[str, int]:
        """Number of rows of each split."""
        return {name: int((self.splits == name).sum()) for name in SPLITS}


@dataclass
class Findings:
    """What an audit has found so far.

    Attributes:
        problems: What must be mended.
        notes: Oddities and what was left out.
    """

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, problems: Iterable[Problem]) -> None:
        """Take problems on, but no second one of a kind about the same column."""
        told = {(item.code, item.column) for item in self.problems if item.column}
        self.problems += [item for item in problems if (item.code, item.column) not in told]

    def refuse(self, source: str) -> None:
        """Raise a DataError if there is a problem."""
        if self.problems:
            raise DataError(source, dict.fromkeys(self.problems))


@dataclass(frozen=True)
class Split:
    """Which side each row is on.

    Attributes:
        splits: `(rows,)` `train`, `validation` or `eval`.
        folds: `(rows,)` see `splitting.training_folds`.
        rule: How they were made, in words.
    """

    splits: np.ndarray
    folds: np.ndarray
    rule: str


def audit(project: Project) -> AuditedTable:
    """Read a project's data and check it whole.

    Raises:
        UserError: With one list of all that is wrong.
    """
    check_declaration(project)
    project = project.at_hand()
    findings = Findings()
    data = read(project, findings)
    task, labels = find_task(data, project, findings)
    parts = split(data, task, labels, project, findings)
    known = parts.splits if parts else data.given if labels is None else None
    described = describe(data, known, project, findings)
    if task is None or labels is None or parts is None:
        # The cells are told of all the same, so that all can be mended at once.
        findings.add(cast_features(data.table, described.features)[1])
        findings.refuse(data.source)
        raise AssertionError("there is always a reason")
    spec = specify(task, described, project)
    further, problems, notes = further_tasks(data.table, parts.splits, task, project)
    findings.add(problems)
    findings.notes += notes
    spec = dataclasses.replace(spec, further=further, dialect=data.dialect)
    typed, unfit = cast(data.table, spec)
    findings.add(unfit)
    findings.refuse(data.source)
    judge(typed, labels, parts.splits, spec, project, findings)
    findings.refuse(data.source)
    return AuditedTable(
        typed,
        parts.splits,
        parts.folds,
        spec,
        parts.rule,
        described.origin,
        described.inferred,
        data.folder,
        tuple(findings.notes),
    )


def check_declaration(project: Project) -> None:
    """Check what the declaration says by itself.

    Raises:
        DataError: A key means nothing for the use case, or is missing.
    """
    findings = Findings()
    findings.add(use_problems(project))
    findings.refuse(str(project.folder / FILE_NAME))


def read(project: Project, findings: Findings) -> Dataset:
    """The raw rows with computed columns beside, without those that have no label yet."""
    declaration, modality = project.declaration, project.use_case.modality
    data = modality.read(declaration)
    findings.notes += data.notes
    findings.add(data.problems)
    findings.add(missing_columns(data.table, declaration, modality.made_columns()))
    if nested := nested_columns(data.table, declaration):
        findings.add(nested)
        findings.refuse(data.source)
    if not findings.problems:
        data = modality.with_computed(data, declaration)
        findings.add(data.problems)
        findings.notes += [note for note in data.notes if note not in findings.notes]
    return without_unlabelled(data, project, findings)


def without_unlabelled(data: Dataset, project: Project, findings: Findings) -> Dataset:
    """Rows whose label may still come are history alone."""
    declaration = project.declaration
    label = declaration.columns.label
    if label not in data.table.column_names or not project.use_case.modality.label_may_wait(declaration):
        return data
    known: np.ndarray = pc.is_valid(data.table[label]).to_numpy()
    if known.all() or not known.any():
        return data
    findings.notes.append(f"{(~known).sum():,} rows have no label yet; they are history alone")
    given = None if data.given is None else data.given[known]
    copies = None if data.copies is None else list(compress(data.copies, known))
    return dataclasses.replace(data, table=take_rows(data.table, known), given=given, copies=copies)


def find_task(data: Dataset, project: Project, findings: Findings) -> tuple[Task | None, np.ndarray | None]:
    """The task that the label makes, and `(rows,)` encoded labels; None where there is a problem."""
    declaration = project.declaration
    label = declaration.columns.label
    if label not in data.table.column_names:
        return None, None
    task, problems = project.task.find(data.table[label], declaration)
    findings.add(problems)
    if task is None:
        return None, None
    task = project.use_case.modality.task_of(task, data)
    findings.add(project.use_case.modality.task_problems(task, declaration))
    encoded, problems = task.encode(data.table[label])
    if problems:
        findings.add(problems)
        return task, None
    if encoded.null_count:
        message = f"the label '{label}' is missing or unknown in {encoded.null_count} rows"
        findings.add([Problem("label_missing", message, column=label)])
        return task, None
    labels = task.label_array(encoded)
    findings.add(task.label_problems(labels))
    return task, labels


def split(
    data: Dataset, task: Task | None, labels: np.ndarray | None, project: Project, findings: Findings
) -> Split | None:
    """Which rows train, validate and evaluate; nothing where that cannot be said.

    Args:
        data: The raw rows.
        task: What is predicted, if that is known.
        labels: `(rows,)` encoded labels, if they are.
        project: Its declaration and modality.
        findings: Takes problems and notes on.
    """
    declaration, modality = project.declaration, project.use_case.modality
    rule = f"given by files: {declaration.data.train} trains, {declaration.data.eval} evaluates"
    columns = declaration.columns
    if task is None or labels is None or (columns.time and columns.time not in data.table.column_names):
        return None
    if data.given is not None and data.folds is not None:
        return Split(data.given, data.folds, data.rule)
    units = row_units(data.table, declaration, data.copies)
    ordered = modality.ordered(declaration)
    sides = Sides(data.table, declaration, data.source, task.strata(labels), units, ordered)
    try:
        if data.given is None:
            splits, rule, notes = assign_splits(sides)
        else:
            splits = data.given
            notes = leave_out(splits, sides)
            hold_out_validation(splits, sides)
        notes += modality.after_split(splits, data, task.marked(labels), declaration)
    except DataError as error:
        findings.add(error.problems)
        return None
    findings.notes += notes
    empty = [name for name in SPLITS if not (splits == name).any()]
    if empty:
        message = f"there are no {' and no '.join(empty)} rows"
        if columns.group and columns.group in data.table.column_names:
            message += (
                f": {len(pc.unique(data.table[columns.group]))} groups by '{columns.group}' are too few"
            )
        findings.add([Problem("empty_split", message, "choose another split")])
        return None
    if columns.group and (count := len(parted(row_units(data.table, declaration), splits))):
        findings.notes.append(
            f"{count} groups by '{columns.group}' stand on both sides of the given split, which flatters"
            " the models"
        )
    findings.notes += few_units(data.table, splits, declaration)
    return Split(splits, training_folds(splits, sides), rule)


def few_units(table: pa.Table, splits: np.ndarray, declaration: Declaration) -> list[str]:
    """A note where the evaluation has too few groups for a verdict.

    Args:
        table: The raw rows.
        splits: `(rows,)` names of splits.
        declaration: Names the group column, if there is one.
    """
    name = declaration.columns.group
    if not name or name not in table.column_names:
        return []
    count = len(pc.unique(take_rows(table, splits == EVAL)[name]))
    if count >= FEWEST_UNITS:
        return []
    return [
        f"the evaluation has {count} group{'' if count == 1 else 's'} by '{name}'; with fewer than"
        f" {FEWEST_UNITS} no test can tell anything, there will be no verdict and nothing ships"
    ]


def describe(data: Dataset, splits: np.ndarray | None, project: Project, findings: Findings) -> Description:
    """What the columns are, as training rows and the schema say.

    Args:
        data: The raw rows.
        splits: `(rows,)` names of splits; without them all rows count.
        project: Its declaration and modality.
        findings: Takes problems on.
    """
    rows = np.ones(data.table.num_rows, bool) if splits is None else splits == TRAIN
    if data.copies is not None:
        # What names rows would seem to be shared by copies.
        there = np.flatnonzero(rows)
        first = np.unique(np.asarray(data.copies)[there], return_index=True)[1]
        rows = np.isin(np.arange(len(rows)), there[first])
    training_rows = take_rows(data.table, rows)
    described = project.use_case.modality.describe(data, training_rows, project)
    findings.add(described.problems)
    return described


def specify(task: Task, described: Description, project: Project) -> TableSpec:
    """The specification."""
    declaration, modality = project.declaration, project.use_case.modality
    names = {feature.name for feature in described.features}
    identity = modality.identity(declaration)
    wanted = [
        *declaration.slices.columns,
        *declaration.columns.further_labels,
        *modality.metadata_columns(declaration),
    ]
    return TableSpec(
        task,
        described.features,
        identity,
        tuple(name for name in dict.fromkeys(wanted) if name not in {*names, identity}),
        dict(described.ignored),
        modality.metadata_files(declaration),
        modality.computed_by(declaration),
    )


def judge(
    typed: pa.Table,
    labels: np.ndarray,
    splits: np.ndarray,
    spec: TableSpec,
    project: Project,
    findings: Findings,
) -> None:
    """What only a whole, typed table shows: splits without a class, floods of missing values, leakage.

    Args:
        typed: Typed columns.
        labels: `(rows,)` encoded labels.
        splits: `(rows,)` names of splits.
        spec: What the columns are.
        project: Its declaration and modality.
        findings: Takes problems on.
    """
    task, declaration = spec.task, project.declaration
    by_split = {name: labels[splits == name] for name in SPLITS}
    findings.add(task.split_problems(by_split, declaration.training.method))
    findings.add(feature_problems(typed, spec))
    rows = splits == TRAIN
    modality = project.use_case.modality
    trained, trusted = take_rows(typed, rows), declaration.columns.features
    for told in task.leaks(labels[rows]):
        findings.add(modality.leakage_problems(trained, told, spec, trusted))
        noted = modality.leakage_notes(trained, told, spec, trusted)
        findings.notes += [note for note in noted if note not in findings.notes]
    findings.add(left_out_problems(typed, splits, spec, declaration.compare.leave_out))
    findings.notes += gap_notes(trained, labels[rows], spec)
    findings.notes += further_leaks(trained, spec, modality, trusted)
    findings.notes += modality.label_notes(trained, labels[rows], spec, declaration)
    if not declaration.data.drawn:
        findings.notes += modality.change_notes(typed, splits, spec, declaration)


def feature_problems(table: pa.Table, spec: TableSpec) -> list[Problem]:
    """Floods of missing values, and what each kind finds odd."""
    problems = []
    for feature in spec.features:
        values = table[feature.name]
        share = 1 - values.null_count / len(values)
        if share < feature.min_fraction:
            message = (
                f"the column '{feature.name}' is missing in {1 - share:.0%} of the rows (allowed:"
                f" {1 - feature.min_fraction:.0%})"
            )
            remedy = "mend it, or list it under columns.ignore"
            problems.append(Problem("flood_of_missing", message, remedy, feature.name))
        problems += kind_of(feature).problems(values, feature)
    return problems
