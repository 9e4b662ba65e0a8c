"""Telling which of some classes a row is of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from solutionkit.compare.calibration import calibration
from solutionkit.compare.metrics import Metric
from solutionkit.errors import Problem
from solutionkit.tasks.base import Task
from solutionkit.tasks.classification import decisions as worth
from solutionkit.tasks.classification import labels as found_labels
from solutionkit.tasks.classification import notable
from solutionkit.tasks.classification.metrics import (
    CLASSES,
    DETECTION,
    RECALL,
    detected,
    detection_scores,
    recall_metric,
)
from solutionkit.tasks.decisions import Decisions, Scores
from solutionkit.tasks.words import Words

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow_metadata.proto.v0 import schema_pb2

    from solutionkit.compare.decision import Decision
    from solutionkit.compare.evaluation import EvaluationSet
    from solutionkit.declaration import Business, Declaration
    from solutionkit.examples.columns import TableSpec
    from solutionkit.models.calibrating import Calibrator
    from solutionkit.models.heads import Head
    from solutionkit.report.figures import Figure


@dataclass(frozen=True)
class Classification(Task):
    """Classes of a label.

    Attributes:
        classes: The label's values; the position is the class id. Of two, the second is the positive one.
        has_negative_class: Whether the first class means that nothing was found, so that the others are
            positive and there is something to decide.
    """

    classes: tuple[str, ...] = ("negative", "positive")
    has_negative_class: bool = True

    name: ClassVar[str] = "classification"
    usual_view: ClassVar[str] = "solutionkit.tasks.classification.metrics:DETECTION_VIEW"

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))

    @property
    def has_alerts(self) -> bool:  # type: ignore[override]
        """Of two classes."""
        return self.outputs == 1

    @property
    def positive_name(self) -> str | None:
        """What a flagged row is said to be; nothing, where no class means that nothing was found."""
        if not self.has_negative_class:
            return None
        return self.classes[1] if len(self.classes) == 2 else f"not {self.classes[0]}"

    @classmethod
    def find(cls, values: pa.ChunkedArray, declaration: Declaration) -> tuple[Self | None, list[Problem]]:
        """The classes that a label has."""
        columns = declaration.columns
        classes, has_negative_class, problems = found_labels.label_classes(values, columns)
        if problems:
            return None, problems
        if declaration.project.quantile is not None:
            message = "project.quantile means nothing where classes are told"
            problems = [Problem("unread_key", message, "remove it")]
        if declaration.business and not has_negative_class:
            message = (
                f"[business] needs to know which value of '{columns.label}' means that nothing was found"
            )
            remedy = "set columns.negative, or remove [business]"
            problems = [*problems, Problem("no_negative_class", message, remedy, columns.label)]
        return cls(columns.label, classes, has_negative_class), problems

    @classmethod
    def find_further(cls, values: pa.ChunkedArray, label: str) -> tuple[Task | None, list[Problem]]:
        """Classes of equal rank."""
        from solutionkit.tasks.routing.task import MOST_CLASSES, TOLD, Routing

        if label in TOLD:
            message = f"columns.further_labels names '{label}', as `predict` calls a column of its own"
            return None, [Problem("reserved_name", message, "rename it in the data", label)]
        classes, problems = found_labels.classes_of(values.drop_null(), label, MOST_CLASSES)
        return (None if problems else Routing(label, classes)), problems

    def encode(self, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[Problem]]:
        """Class ids."""
        return found_labels.to_class_ids(values, self.label, self.classes)

    def label_problems(self, labels: np.ndarray) -> list[Problem]:
        """Too few rows of a class."""
        return found_labels.rare_classes(labels, self.label, self.classes)

    def split_problems(self, labels: dict[str, np.ndarray], method: str) -> list[Problem]:
        """Classes that a split lacks."""
        return found_labels.split_problems(labels, self.label, self.classes, method)

    def strata(self, labels: np.ndarray) -> np.ndarray:
        """The classes."""
        return labels

    def marked(self, labels: np.ndarray) -> np.ndarray:
        """Positive rows, or those of any class but the first."""
        return labels > 0

    def leaks(self, labels: np.ndarray) -> list[np.ndarray]:
        """Positive rows, or those of each class."""
        if self.has_negative_class:
            return super().leaks(labels)
        return [labels == position for position in range(len(self.classes))]

    def describe(self, labels: np.ndarray) -> str:
        """How many rows each class has; the positive class of two comes first."""
        counts = np.bincount(labels, minlength=len(self.classes))
        order = [1, 0] if len(self.classes) == 2 else range(len(self.classes))
        shares = [f"{counts[i]:,} {self.classes[i]!r} ({counts[i] / len(labels):.1%})" for i in order]
        return ", ".join(shares)

    def write_schema(self, item: schema_pb2.Feature) -> None:
        """A class id."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        item.type = schema_pb2.INT
        item.int_domain.min, item.int_domain.max = 0, len(self.classes) - 1
        item.int_domain.is_categorical = True

    @property
    def parsing(self) -> Any:
        """One class id a row."""
        import tensorflow as tf

        return tf.io.FixedLenFeature([], tf.int64)

    @property
    def outputs(self) -> int:
        """Probabilities a row: the positive class's of two classes, else one a class."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def head(self, labels: np.ndarray) -> Head:
        """Logits of two classes, or of several."""
        from solutionkit.models.heads import BinaryHead, ClassesHead

        return BinaryHead(labels) if self.outputs == 1 else ClassesHead(self.outputs)

    @property
    def calibrators(self) -> tuple[type[Calibrator], ...]:
        """Of the positive class of two, or of several classes."""
        from solutionkit.models.calibrating import Isotonic, Scaled, Tempered

        return (Scaled, Isotonic) if self.outputs == 1 else (Tempered,)

    def trivial(self, labels: np.ndarray) -> np.ndarray:
        """The shares of the classes, none quite zero."""
        counts = np.bincount(labels, minlength=len(self.classes)).astype(float)
        shares = np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum()
        said: np.ndarray = shares[1:] if self.outputs == 1 else shares
        return said

    def metrics(self, false_alarm_rate: float | None = None, calibrated: bool = True) -> dict[str, Metric]:
        """Of classes where there are several, of detection where one is negative."""
        fitting = [*(CLASSES if self.outputs > 1 else ()), *(DETECTION if self.has_negative_class else ())]
        if self.has_negative_class and false_alarm_rate is not None:
            fitting.append(recall_metric(false_alarm_rate))
        return {metric.name: metric for metric in fitting if calibrated or not metric.of_probabilities}

    def all_metrics(self) -> list[str]:
        """Of classes and of detection."""
        return [*(metric.name for metric in (*CLASSES, *DETECTION)), RECALL]

    def evaluator_metrics(self) -> list[Metric]:
        """Of two classes those of detection, of several those of classes."""
        return [metric for metric in (CLASSES if self.outputs > 1 else DETECTION) if metric.tfma]

    def deciding_metric(self, preferred: str, known: Collection[str]) -> str:
        """Of several classes the accuracy, unless the preferred metric reads classes."""
        usual = CLASSES if self.outputs > 1 else DETECTION
        fitting = {metric.name for metric in CLASSES} if self.outputs > 1 else known
        return preferred if preferred in fitting and preferred in known else usual[0].name

    def decisions(
        self, judged: EvaluationSet, scores: Scores, validation: Scores, business: Business | None, seed: int
    ) -> Decisions:
        """Each model's threshold, where one class is negative."""
        if not self.has_negative_class:
            return super().decisions(judged, scores, validation, business, seed)
        return worth.decisions(judged, scores, validation, business, seed)

    def row_counts(self, labels: np.ndarray) -> dict[str, Any]:
        """How many are positive."""
        return {"eval_positive": int(detected(labels).sum()) if self.has_negative_class else None}

    def slice_counts(self, labels: np.ndarray) -> dict[str, int]:
        """How many are positive."""
        return {"positives": int(detected(labels).sum())}

    def label_counts(self, labels: np.ndarray) -> dict[str, int]:
        """How many rows are of each class."""
        return {name: int((labels == position).sum()) for position, name in enumerate(self.classes)}

    def diagnosis(self, judged: EvaluationSet, outputs: np.ndarray) -> dict[str, Any]:
        """Calibration, and of several classes which was taken for which."""
        diagnosis: dict[str, Any] = {
            "calibration": self._calibration(judged.labels, outputs) if judged.calibrated else None
        }
        if self.outputs > 1:
            diagnosis["confusion"] = confusion(judged.labels, outputs)
        return diagnosis

    def _calibration(self, labels: np.ndarray, outputs: np.ndarray) -> dict[str, Any]:
        """Of the probability of being positive; without such a thing, of the likeliest class."""
        if self.has_negative_class:
            return calibration(detected(labels), detection_scores(outputs))
        right = outputs.argmax(axis=1) == labels
        return calibration(right.astype(np.int64), outputs.max(axis=1))

    def frame(self, outputs: np.ndarray) -> dict[str, pa.Array]:
        """One probability of two classes, else the likeliest class and all probabilities."""
        if self.outputs == 1:
            return {"probability": pa.array(outputs[:, 0])}
        likeliest = [self.classes[position] for position in outputs.argmax(axis=1)]
        columns = {"predicted": pa.array(likeliest)}
        if self.has_negative_class:
            columns["probability"] = pa.array(1.0 - outputs[:, 0])
        return {
            **columns,
            **{f"probability_{name}": pa.array(outputs[:, i]) for i, name in enumerate(self.classes)},
        }

    def notable(
        self, labels: np.ndarray, outputs: np.ndarray, decision: Decision | None, each: int = 1
    ) -> dict[str, list[int]]:
        """The surest of each outcome; without a threshold, what was told rightly or confused."""
        if decision is None:
            return notable.told_or_confused(labels, outputs, each)
        suspicion = decision.suspicion(detection_scores(outputs))
        return notable.by_outcome(detected(labels), suspicion, decision.threshold, each)

    def flagged(self, outputs: np.ndarray, decision: Decision) -> np.ndarray | None:
        """Where one class is negative."""
        if not self.has_negative_class:
            return None
        alerts: np.ndarray = decision.suspicion(detection_scores(outputs)) >= decision.threshold
        return alerts

    def decided(
        self, outputs: np.ndarray, decision: Decision | None, business: Business | None = None
    ) -> dict[str, pa.Array]:
        """With what flagging is expected to add, where that decides."""
        columns = super().decided(outputs, decision, business)
        if columns and decision and decision.expected:
            columns["expected_worth"] = pa.array(decision.suspicion(detection_scores(outputs)).round(2))
        return columns

    def alerts(self, outputs: np.ndarray, decision: Decision | None, most: int) -> np.ndarray:
        """The flagged rows with the largest suspicion."""
        if decision is None:
            return super().alerts(outputs, decision, most)
        suspicion = decision.suspicion(detection_scores(outputs))
        order: np.ndarray = np.argsort(-suspicion, kind="stable")[:most]
        flagged: np.ndarray = order[suspicion[order] >= decision.threshold]
        return flagged

    def told(self, label: Any) -> str:
        """The class."""
        return self.classes[int(label)]

    def targets(self, outputs: np.ndarray) -> np.ndarray:
        """The likeliest of several classes."""
        likeliest: np.ndarray = outputs.argmax(axis=1)
        return likeliest if self.outputs > 1 else super().targets(outputs)

    def target_name(self, target: int) -> str:
        """The class, of several."""
        return self.classes[target] if self.outputs > 1 else ""

    def margin(self, outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Log odds of two classes; of several how far a class's log probability is above their mean."""
        from solutionkit.tasks.classification.odds import centred_log, log_odds

        return log_odds(outputs[:, 0]) if self.outputs == 1 else centred_log(outputs, targets)

    def margin_of_raw(self, raw: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Raw sums are log odds, or log probabilities but for a number that all classes share."""
        if self.outputs == 1:
            return raw[..., 0]
        shape = (len(targets), *[1] * (raw.ndim - 1))
        chosen = np.take_along_axis(raw, targets.reshape(shape), axis=-1)[..., 0]
        centred: np.ndarray = chosen - raw.mean(axis=-1)
        return centred

    def score(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The probability of being positive, or of the class that is explained."""
        if self.outputs == 1:
            return outputs[:, 0]
        chosen: np.ndarray = np.take_along_axis(outputs, targets[:, None], axis=1)[:, 0]
        return chosen

    def words(self, label: str, calibrated: bool) -> Words:
        """Of two classes, of several, or of what is not the good one."""
        positive = self.positive_name
        answer = f'the probability of each "{label}": {", ".join(self.classes)}'
        if self.outputs == 1:
            answer = f'the probability that "{label}" is "{positive}"'
        method = None
        if not calibrated:
            good = self.classes[0]
            answer = (
                f'a score between 0 and 1, no probability, of not being "{good}"; it learned from such rows'
                " alone"
            )
            method = (
                f"both models learned from rows that are {good} alone; their scores rank, they are no"
                " probabilities"
            )
        flag = None
        if self.has_negative_class:
            of_what = f"whose probability of {positive} is " if self.outputs > 1 else ""
            flag = f"flag rows {of_what}at or above"
        shown = "The surest decisions of each outcome by the {} model, and the one nearest to its threshold."
        told = "What the {} model told most surely, rightly and wrongly."
        return Words(
            answer,
            "the classes' shares",
            counted=f"{label} = {positive}" if self.has_negative_class else None,
            flag=flag,
            single_rows=shown if self.has_negative_class else told,
            marked="positive" if self.has_negative_class else None,
            method=method,
        )

    def figures(
        self, compared: dict[str, Any], scores: Scores, business: dict[str, Any] | None
    ) -> list[Figure]:
        """Curves of the decision, confusions, calibration and money."""
        from solutionkit.tasks.classification.figures import figures

        return figures(self, compared, scores, business)

    @property
    def margin_unit(self) -> str:  # type: ignore[override]
        """In what contributions are told."""
        return "log odds" if self.outputs == 1 else "log probability against the mean of all classes"


def classification(spec: TableSpec) -> Classification:
    """The task of a specification for those that can only tell classes.

    Raises:
        TypeError: It is another one.
    """
    if not isinstance(spec.task, Classification):
        raise TypeError(f"classes are wanted, '{spec.task.label}' is predicted as {spec.task.name}")
    return spec.task


def confusion(labels: np.ndarray, probabilities: np.ndarray) -> list[list[int]]:
    """How many rows of each class (outer) were taken for which (inner)."""
    classes = probabilities.shape[1]
    cells = np.bincount(labels * classes + probabilities.argmax(axis=1), minlength=classes**2)
    table: list[list[int]] = cells.reshape(classes, classes).tolist()
    return table
