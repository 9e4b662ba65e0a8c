"""A task: what is predicted of a row, and all that follows from that."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from solutionkit.dotted import resolve
from solutionkit.errors import Problem, UserError
from solutionkit.tasks.decisions import Decisions, Scores
from solutionkit.tasks.worths import OF_FLAGS, unread_worths

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow_metadata.proto.v0 import schema_pb2

    from solutionkit.compare.decision import Decision
    from solutionkit.compare.evaluation import EvaluationSet
    from solutionkit.compare.metrics import Metric
    from solutionkit.declaration import Business, Declaration
    from solutionkit.declaration_parts import Clinical
    from solutionkit.models.calibrating import Calibrator
    from solutionkit.models.heads import Head
    from solutionkit.report.figures import Figure, Section
    from solutionkit.tasks.words import Words


@dataclass(frozen=True)
class Task(ABC):
    """What is predicted.

    An instance knows what was found out about the label and travels with the table's specification; its
    fields are what JSON holds. A use case may bring a task of its own.

    Attributes:
        label: The label column.
        name: What `[project] task` calls it.
        output: What the exported model's answer is called.
        margin_unit: In what contributions are told.
        usual_view: Dotted name of the `View` that most metrics have.
        has_alerts: Whether a row is flagged or not, so that reasons can be given for it.
        nested: Whether a label is several numbers.
        worths: Keys of [business] that mean something, beside the currency.
        clinical: Whether the table [clinical] means something.
    """

    label: str

    name: ClassVar[str]
    output: ClassVar[str] = "probability"
    margin_unit: ClassVar[str]
    usual_view: ClassVar[str]
    has_alerts = False
    nested: ClassVar[bool] = False
    worths: ClassVar[frozenset[str]] = OF_FLAGS
    clinical: ClassVar[bool] = False

    # -- the declaration

    @classmethod
    def worth_problems(cls, declaration: Declaration) -> list[Problem]:
        """Keys of [business] that mean nothing, and what is wrong with those that do."""
        return unread_worths(declaration, cls.name, cls.worths, cls.clinical)

    def asked(self, clinical: Clinical | None) -> Task:
        """The task with what [clinical] asks for, which neither rows nor models hang on."""
        del clinical
        return self

    # -- the label

    @classmethod
    @abstractmethod
    def find(cls, values: pa.ChunkedArray, declaration: Declaration) -> tuple[Self | None, list[Problem]]:
        """The task that raw labels and declaration make, or why there is none."""

    @classmethod
    def find_further(cls, values: pa.ChunkedArray, label: str) -> tuple[Task | None, list[Problem]]:
        """The task of a label that is told beside this one, or why there is none.

        Args:
            values: Raw labels; a row may have none.
            label: The label column.
        """
        del values
        message = (
            f"columns.further_labels names '{label}', but beside the task '{cls.name}' no other label is told"
        )
        return None, [Problem("unread_key", message, "remove it", label)]

    @abstractmethod
    def encode(self, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[Problem]]:
        """Raw labels as int64 or float64, and those that cannot be."""

    def label_array(self, values: pa.ChunkedArray) -> np.ndarray:
        """`(rows,)` encoded labels, or `(rows, numbers)` where a label is several."""
        labels: np.ndarray = values.to_numpy()
        return labels

    def no_labels(self, rows: int) -> pa.Array:
        """Encoded labels for rows that have none, where some must stand."""
        return pa.array(np.zeros(rows, np.int64))

    @abstractmethod
    def label_problems(self, labels: np.ndarray) -> list[Problem]:
        """Why `(rows,)` encoded labels are too few, or too much alike, to learn from or to judge by."""

    @abstractmethod
    def split_problems(self, labels: dict[str, np.ndarray], method: str) -> list[Problem]:
        """What the splits lack.

        Args:
            labels: `(rows,)` encoded labels by split.
            method: `training.method`.
        """

    @abstractmethod
    def strata(self, labels: np.ndarray) -> np.ndarray:
        """`(rows,)` codes; a stratified split has the same share of each code on both sides."""

    @abstractmethod
    def marked(self, labels: np.ndarray) -> np.ndarray:
        """`(rows,)` truth values of rows that count twice where they are rare."""

    def leaks(self, labels: np.ndarray) -> list[np.ndarray]:
        """`(rows,)` truth values each, none of which a column may tell all alone; see `leakage`."""
        return [self.marked(labels)]

    @abstractmethod
    def describe(self, labels: np.ndarray) -> str:
        """`(rows,)` encoded labels in a few words, for `check`."""

    @abstractmethod
    def write_schema(self, item: schema_pb2.Feature) -> None:
        """State type and domain of the encoded label in a schema's entry."""

    @property
    @abstractmethod
    def parsing(self) -> Any:
        """How the label stands in a tf.Example."""

    # -- models

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Numbers that a model says of a row."""

    def head(self, labels: np.ndarray) -> Head:
        """How the library's own networks and trees learn this task; other trainers need none.

        Args:
            labels: `(rows,)` encoded labels of the training rows.
        """
        del labels
        raise UserError(
            f"the task '{self.name}' has no head for the library's own models; give it one, or put trainers"
            " of your own into the use case's modality."
        )

    @classmethod
    def has_head(cls) -> bool:
        """Whether the library's own models can learn it."""
        return cls.head is not Task.head

    @property
    def calibrators(self) -> tuple[type[Calibrator], ...]:
        """What may set a model's probabilities right, where outputs are such."""
        return ()

    # -- comparison

    @abstractmethod
    def trivial(self, labels: np.ndarray) -> np.ndarray:
        """`(outputs,)` what somebody says who knows `(rows,)` labels and no features."""

    @abstractmethod
    def metrics(self, false_alarm_rate: float | None = None, calibrated: bool = True) -> dict[str, Metric]:
        """The metrics that mean something, by name.

        Args:
            false_alarm_rate: The rate at which the recall is wanted, if it is.
            calibrated: Whether outputs are meant as probabilities.
        """

    def all_metrics(self) -> list[str]:
        """Names of the metrics that the task has for labels of any kind."""
        return list(self.metrics())

    def evaluator_metrics(self) -> list[Metric]:
        """The metrics of which TensorFlow Model Analysis computes its own version."""
        return [metric for metric in self.metrics().values() if metric.tfma]

    @abstractmethod
    def deciding_metric(self, preferred: str, known: Collection[str]) -> str:
        """The metric that decides: the use case's preferred one where it suits the label.

        Args:
            preferred: What the use case states.
            known: All metrics that mean something here.
        """

    def decisions(
        self, judged: EvaluationSet, scores: Scores, validation: Scores, business: Business | None, seed: int
    ) -> Decisions:
        """What each model's outputs lead to, and what that is worth.

        Args:
            judged: The evaluation rows.
            scores: `(eval rows, outputs)` by model.
            validation: `(validation rows, outputs)` by model.
            business: Worth of the outcomes, if declared.
            seed: Of the bootstrap.
        """
        del judged, validation, business, seed
        return Decisions(
            {name: {"threshold": None, "value_per_1000": None, "outcomes": None} for name in scores}
        )

    def cautions(self, business: dict[str, Any]) -> list[str]:
        """What must be said with `Decisions.told` of one model, a sentence each."""
        del business
        return []

    def row_counts(self, labels: np.ndarray) -> dict[str, Any]:
        """What `comparison.json` says under `rows` of the evaluation rows, beside their number."""
        del labels
        return {}

    def slice_counts(self, labels: np.ndarray) -> dict[str, int]:
        """What is told of a slice beside its number of rows."""
        del labels
        return {}

    def label_counts(self, labels: np.ndarray) -> dict[str, int]:
        """How often each value of the label occurs, where these are few."""
        del labels
        return {}

    def diagnosis(self, judged: EvaluationSet, outputs: np.ndarray) -> dict[str, Any]:
        """What is told of one model beside its metrics, e.g. its calibration."""
        del judged, outputs
        return {"calibration": None}

    # -- people

    @abstractmethod
    def frame(self, outputs: np.ndarray) -> dict[str, pa.Array]:
        """`(rows, outputs)` as the columns that `predict` writes."""

    def brief(self, outputs: np.ndarray, decision: Decision | None = None) -> dict[str, pa.Array]:
        """`(rows, outputs)` as the columns that `predict` writes of a further label."""
        columns = {**self.frame(outputs), **self.decided(outputs, decision)}
        return {f"{self.label}_{name}": column for name, column in columns.items()}

    @abstractmethod
    def notable(
        self, labels: np.ndarray, outputs: np.ndarray, decision: Decision | None, each: int = 1
    ) -> dict[str, list[int]]:
        """Positions of rows that are worth a look, by why, the clearest first.

        Args:
            labels: `(rows,)` encoded labels.
            outputs: `(rows, outputs)` of the selected model.
            decision: When that model flags a row, if it does.
            each: The most of each kind.
        """

    def flagged(self, outputs: np.ndarray, decision: Decision) -> np.ndarray | None:
        """`(rows,)` which of `(rows, outputs)` are flagged, where rows are flagged."""
        del outputs, decision
        return None

    def decided(
        self, outputs: np.ndarray, decision: Decision | None, business: Business | None = None
    ) -> dict[str, pa.Array]:
        """The decision as the column that `predict` writes beside `frame`, where there is one.

        Args:
            outputs: `(rows, outputs)` of a model.
            decision: When the model flags a row, if that is known.
            business: What decisions are worth.
        """
        del business
        flagged = None if decision is None else self.flagged(outputs, decision)
        return {} if flagged is None else {"alert": pa.array(np.where(flagged, "yes", "no"))}

    def flagged_in_words(self, count: int, decision: Decision) -> str:
        """How many rows are flagged, and which."""
        return f"{count:,} {'alert' if count == 1 else 'alerts'} {decision.in_words}"

    def alerts(self, outputs: np.ndarray, decision: Decision | None, most: int) -> np.ndarray:
        """Positions of the rows that are most clearly flagged, where rows are flagged."""
        del outputs, decision, most
        return np.zeros(0, np.int64)

    @abstractmethod
    def told(self, label: Any) -> str | float:
        """An encoded label as people read it."""

    # -- explanations

    def targets(self, outputs: np.ndarray) -> np.ndarray:
        """`(rows,)` which of `(rows, outputs)` is explained."""
        return np.zeros(len(outputs), np.int64)

    def target_name(self, target: int) -> str:
        """What is explained, where there is more than one thing to explain."""
        del target
        return ""

    @abstractmethod
    def margin(self, outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """`(batch,)` what contributions add up to, of `(batch, outputs)` and `(batch,)` targets."""

    def margin_of_raw(self, raw: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The same of a boosted forest's raw sums `(rows, …, outputs)`, of which it is a linear function."""
        del raw, targets
        raise UserError(f"the task '{self.name}' has no raw sums that the library's own trees could explain.")

    @abstractmethod
    def score(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """`(rows,)` what a model says of the targets, for people."""

    # -- the report

    @abstractmethod
    def words(self, label: str, calibrated: bool) -> Words:
        """How the task is spoken of.

        Args:
            label: What the label column is called.
            calibrated: Whether outputs are meant as probabilities.
        """

    def test_in_words(self, name: str, unit: str | None) -> str:
        """A paired test's name for people.

        Args:
            name: Its name in `comparison.json`.
            unit: What rows that resemble each other share.
        """
        from solutionkit.compare.metrics import GROUP_BOOTSTRAP

        tests = {metric.test.name: metric.test.in_words for metric in self.metrics().values()}
        return {**tests, GROUP_BOOTSTRAP: f"the paired bootstrap of whole units, by {unit}"}.get(name, name)

    def figures(
        self, compared: dict[str, Any], scores: Scores, business: dict[str, Any] | None
    ) -> list[Figure]:
        """Charts of how well the models do.

        Args:
            compared: The content of `comparison.json`.
            scores: `labels` and each model's `(rows, outputs)`.
            business: The table [business], if there is one.
        """
        del compared, scores, business
        return []

    def sections(self, compared: dict[str, Any]) -> list[Section]:
        """Sections of the report of its own, of `comparison.json`'s content."""
        del compared
        return []

    def to_json(self) -> dict[str, Any]:
        """The fields, and where the class is."""
        place = type(self)
        return {"task": f"{place.__module__}:{place.__qualname__}", **dataclasses.asdict(self)}


def task_from_json(raw: dict[str, Any]) -> Task:
    """The task that `Task.to_json` wrote.

    Raises:
        ValueError: It names no task.
    """
    task = resolve(raw["task"])
    if not (isinstance(task, type) and issubclass(task, Task)):
        raise ValueError(f"{raw['task']} is no task")
    return task(**{name: value for name, value in raw.items() if name != "task"})
