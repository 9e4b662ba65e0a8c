"""A modality: the kind of data that rows come from, and all that follows from that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from solutionkit.errors import Problem, UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature
from solutionkit.modalities.rows import Dataset, Description, ScoringRows

if TYPE_CHECKING:
    from solutionkit.compare.evaluation import Circumstances
    from solutionkit.declaration import Declaration
    from solutionkit.examples.audit import AuditedTable
    from solutionkit.report.figures import Section
    from solutionkit.tasks.base import Task
    from solutionkit.use_case import Project


@dataclass(frozen=True)
class Modality(ABC):
    """What use cases on the same kind of data share; functions by their dotted names.

    `dataclasses.replace` puts functions of one's own in their place.

    Attributes:
        preprocessing: `preprocessing_fn(inputs, spec)`, used by Transform.
        baseline: Trains the baseline.
        deep: Trains the deep model.
        explanation: Explains the models on evaluation rows, see `explain.exported`.
        simple: Trains the model that a practitioner begins with; none where there is no such.
        methods: Trainers by `training.method` and model, beside the supervised ones.
        closer_look: `AuditedTable -> notes` on what takes too long to be looked for in each run; for `check`.
        scrutiny: Finds out about models what metrics do not show, see `compare.gates.Scrutiny`; if anything.
        proposal: `(file, its name, label or None, declaration) -> text` of a first `use_case.toml`.
    """

    preprocessing: str
    baseline: str
    deep: str
    explanation: str
    simple: str | None = None
    methods: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    closer_look: str = ""
    scrutiny: str = ""
    proposal: str = ""

    @property
    def modules(self) -> list[str]:
        """Modules whose code decides what rows and columns are."""
        return [type(self).__module__]

    @property
    def functions(self) -> list[str]:
        """Dotted names of functions of the use case's own that decide what rows and columns are."""
        return []

    def trainers(self, method: str) -> Mapping[str, str]:
        """What trains each model, by its name, the simplest first."""
        if method in self.methods:
            return self.methods[method]
        simple = {"simple": self.simple} if self.simple else {}
        return {**simple, "baseline": self.baseline, "deep": self.deep}

    def calibrated(self, method: str) -> bool:
        """Whether models trained so say probabilities; others only rank."""
        return method not in self.methods

    # -- the data

    @abstractmethod
    def declaration_problems(self, declaration: Declaration) -> list[Problem]:
        """Keys that mean nothing here, and keys that are needed."""

    @abstractmethod
    def read(self, declaration: Declaration) -> Dataset:
        """Read the rows that the declaration names.

        Raises:
            UserError: They cannot be read at all.
        """

    def with_computed(self, data: Dataset, declaration: Declaration) -> Dataset:
        """The rows with columns beside that are computed of other rows."""
        del declaration
        return data

    def ordered(self, declaration: Declaration) -> bool:
        """Whether rows go on from each other in time."""
        del declaration
        return False

    def label_may_wait(self, declaration: Declaration) -> bool:
        """Whether a row may have no label yet."""
        from solutionkit.declaration_parts import span

        return bool(span(declaration.data.label_delay))

    def task_of(self, task: Task, data: Dataset) -> Task:
        """The task with what the modality knows of the rows."""
        del data
        return task

    def made_columns(self) -> frozenset[str]:
        """Columns that are made of the data and can be sliced by."""
        return frozenset()

    def task_problems(self, task: Task, declaration: Declaration) -> list[Problem]:
        """Why the label does not suit."""
        del task, declaration
        return []

    def after_split(
        self, splits: np.ndarray, data: Dataset, marked: np.ndarray, declaration: Declaration
    ) -> list[str]:
        """Leave out, in place, rows that no model would be asked about; what was left out, in words.

        Args:
            splits: `(rows,)` names of splits.
            data: The rows.
            marked: `(rows,)` which are positive.
            declaration: What the columns are.
        """
        del splits, data, marked, declaration
        return []

    @abstractmethod
    def describe(self, data: Dataset, training_rows: pa.Table, project: Project) -> Description:
        """What the columns are."""

    def identity(self, declaration: Declaration) -> str | None:
        """The column that names a row."""
        return declaration.columns.id

    def metadata_columns(self, declaration: Declaration) -> list[str]:
        """Columns that the comparison reads, beside slices: the group, because whole groups are drawn."""
        group = declaration.columns.group
        return [group] if group else []

    def metadata_files(self, declaration: Declaration) -> tuple[Feature, ...]:
        """Columns whose cells name files that no model reads."""
        del declaration
        return ()

    def computed_by(self, declaration: Declaration) -> str:
        """What decides the computed columns, as an exported model keeps it; empty where there are none."""
        del declaration
        return ""

    def leakage_problems(
        self, table: pa.Table, marked: np.ndarray, spec: TableSpec, trusted: list[str]
    ) -> list[Problem]:
        """Columns that tell the label all alone.

        Args:
            table: Typed columns of training rows.
            marked: `(rows,)` truth values that no column may tell.
            spec: What the columns are.
            trusted: Columns that the declaration names as features.
        """
        del table, marked, spec, trusted
        return []

    def leakage_notes(
        self, table: pa.Table, marked: np.ndarray, spec: TableSpec, trusted: list[str]
    ) -> list[str]:
        """What may be a leak and may be not, one sentence each.

        Args:
            table: Typed columns of training rows, in the order of the data.
            marked: `(rows,)` truth values that no column may tell.
            spec: What the columns are.
            trusted: Columns that the declaration names as features.
        """
        del table, marked, spec, trusted
        return []

    def label_notes(
        self, table: pa.Table, labels: np.ndarray, spec: TableSpec, declaration: Declaration
    ) -> list[str]:
        """Labels that look wrong, and what else should not stand in the rows, one sentence each.

        Args:
            table: Typed columns of training rows.
            labels: `(rows,)` encoded labels.
            spec: What the columns are.
            declaration: What else was declared.
        """
        del table, labels, spec, declaration
        return []

    def change_notes(
        self, table: pa.Table, splits: np.ndarray, spec: TableSpec, declaration: Declaration
    ) -> list[str]:
        """How evaluation rows differ from training rows.

        Args:
            table: Typed columns.
            splits: `(rows,)` names of splits, which chance did not make.
            spec: What the columns are.
            declaration: What else was declared.
        """
        from solutionkit.examples.drift import drift_notes

        del declaration
        return drift_notes(table, splits, spec)

    @abstractmethod
    def files(self, declaration: Declaration) -> tuple[list[Path], list[str] | None]:
        """The files whose content decides the tf.Examples, and their names where these say something.

        Raises:
            UserError: They cannot be listed.
        """

    # -- new rows

    @abstractmethod
    def read_new(self, source: Path, spec: TableSpec, known: Any = None) -> ScoringRows:
        """A file's or a folder's rows as a model's columns; the label may be absent.

        Args:
            source: The file or folder.
            spec: What the columns are.
            known: What `known_rows` gave.

        Raises:
            UserError: It is unreadable, columns are missing or of the wrong kind.
        """

    def take_new(self, raw: pa.Table, source: str, spec: TableSpec, known: Any = None) -> ScoringRows:
        """As `read_new`, of rows that are in memory.

        Args:
            raw: The rows.
            source: What to call them in errors.
            spec: What the columns are.
            known: What `known_rows` gave.

        Raises:
            UserError: They do not fit, or such rows are read from files alone.
        """
        del raw, spec, known
        raise UserError(f"{source}: such rows are read from files; give a path.")

    def vectors(self, rows: ScoringRows) -> Any:
        """`(rows, features)` sparse numbers by which rows resemble each other; None where there are none."""
        del rows
        return None

    def known_rows(self, project: Project, path: Path | None = None) -> Any:
        """What new rows' computed columns are computed of; nothing where no columns are computed.

        Raises:
            UserError: A path is given and nothing is computed.
        """
        del project
        if path is not None:
            raise UserError("--history: use_case.toml has no table [history]; leave --history out.")

    def completed(self, rows: ScoringRows, outputs: np.ndarray, kept: Any) -> tuple[ScoringRows, np.ndarray]:
        """Rows and outputs with what is told beside them, e.g. totals that must agree with them.

        Args:
            rows: The rows.
            outputs: `(rows, outputs)` of a model.
            kept: What the comparison found out about the model, see `Circumstances.report`.
        """
        del kept
        return rows, outputs

    def table_of(self, rows: ScoringRows, columns: Mapping[str, Any]) -> pa.Table:
        """Columns that the task tells of rows (`Task.frame`, `Task.decided`), beside the rows' names."""
        name, names = rows.names
        return pa.table({name: names, **columns})

    # -- judging and telling

    def false_alarm_rate(self, declaration: Declaration) -> float | None:
        """The rate of false alarms at which the recall is wanted, if it is."""
        return declaration.business.false_alarm_rate if declaration.business else None

    def further_metrics(self, declaration: Declaration) -> list[str]:
        """Names of metrics that `circumstances` will add."""
        del declaration
        return []

    def all_metrics(self) -> list[str]:
        """Names of all metrics that `circumstances` can add."""
        return []

    def circumstances(
        self, columns: dict[str, np.ndarray], validation: dict[str, np.ndarray], declaration: Declaration
    ) -> Circumstances:
        """What the comparison must know of the rows beyond their labels.

        Args:
            columns: Metadata columns of the evaluation rows.
            validation: The same of the validation rows.
            declaration: What the columns are.
        """
        from solutionkit.compare.evaluation import Circumstances, unit_codes

        group = declaration.columns.group
        if not group:
            return Circumstances()
        return Circumstances(unit_codes(columns[group]), unit_codes(validation[group]))

    def unit(self, declaration: Declaration) -> str | None:
        """What `Circumstances.units` are called."""
        return declaration.columns.group

    @abstractmethod
    def lines(self, audited: AuditedTable) -> list[str]:
        """What `check` tells of the columns."""

    @abstractmethod
    def facts(self, audited: AuditedTable) -> list[tuple[str, str]]:
        """What the report tells of the columns: terms and descriptions."""

    def sections(self, compared: dict[str, Any]) -> list[Section]:
        """Sections of the report of its own, of `comparison.json`'s content."""
        del compared
        return []

    @abstractmethod
    def explain_rows(self, model: Any, rows: ScoringRows, output: Path | None) -> str:
        """Write or print an explanation of rows; returns how much was explained, and how."""

    def explained(self, model: Any, rows: ScoringRows) -> pa.Table:
        """Contributions to what a model says of rows, as a table.

        Args:
            model: A `ModelExplainer`.
            rows: The rows.
        """
        from solutionkit.explain.rows import explained_columns

        return self.table_of(rows, explained_columns(model, rows))

    def alert_notes(self, rows: ScoringRows, flagged: np.ndarray, declaration: Declaration) -> list[str]:
        """What is odd about which new rows are flagged, one sentence each."""
        del rows, flagged, declaration
        return []

    def no_reasons(self, spec: TableSpec) -> str | None:
        """Why no reasons can be given of single rows; None where they can."""
        if spec.task.has_alerts and not spec.files:
            return None
        return "only tables with two classes have reason codes"

    def reasons(self, model: Any, rows: ScoringRows, flagged: np.ndarray | None, most: int) -> pa.Array:
        """`(rows,)` in words what speaks for what a model says; of tables, for flagging a row.

        Args:
            model: A `ModelExplainer`.
            rows: The rows.
            flagged: `(rows,)` which are flagged, if rows are.
            most: Reasons a row.
        """
        from solutionkit.explain.reasons import flag_reasons

        return pa.array(flag_reasons(model, rows, flagged, most), pa.string())

    # -- samples

    sample_name: ClassVar[str] = "sample.csv"
    input_in_words: ClassVar[str] = "raw columns below"

    def smallest(self, declaration: Declaration) -> int:
        """How many rows of a sample are enough to learn from."""
        del declaration
        return 3000

    def scoring_source(self, project: Project) -> Path:
        """The part of the sample that `predict` can read."""
        return project.sample_path

    def explanation_fault(self, explained: dict[str, Any], project: Project) -> str | None:
        """Why a model's explanation does not find what the sample is known to be about; None where it does.

        The true drivers come first, and irrelevant columns in the lower half.

        Args:
            explained: The model's part of `explanations.json`.
            project: Whose sample was explained.
        """
        from solutionkit.modalities.expected import ranking_fault

        return ranking_fault(explained["groups"], project.use_case)

    @abstractmethod
    def damaged(self, project: Project) -> dict[str, Path]:
        """Copies of the sample that are damaged in the ways that such data usually is, by what is wrong."""
