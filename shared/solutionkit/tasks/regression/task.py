"""Predicting a number, or one of its quantiles."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import SHOWN, place
from solutionkit.compare.metrics import Metric
from solutionkit.errors import Problem
from solutionkit.kinds.numeric import to_numbers
from solutionkit.tasks.base import Task
from solutionkit.tasks.decisions import Scores
from solutionkit.tasks.regression.metrics import PINBALL, VALUES, pinball_metric
from solutionkit.tasks.words import Words

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow_metadata.proto.v0 import schema_pb2

    from solutionkit.compare.decision import Decision
    from solutionkit.compare.evaluation import EvaluationSet
    from solutionkit.declaration import Declaration
    from solutionkit.models.heads import Head
    from solutionkit.report.figures import Figure

FEWEST_ROWS, FEWEST_IN_SPLIT, FEWEST_VALUES, STRATA = 100, 10, 3, 10


@dataclass(frozen=True)
class Regression(Task):
    """A number a row.

    Attributes:
        quantile: The quantile that is predicted; the mean where there is none.
    """

    quantile: float | None = None

    name: ClassVar[str] = "regression"
    usual_view: ClassVar[str] = "solutionkit.tasks.regression.metrics:VALUE_VIEW"
    output: ClassVar[str] = "prediction"

    @classmethod
    def find(cls, values: pa.ChunkedArray, declaration: Declaration) -> tuple[Self | None, list[Problem]]:
        """A label of numbers, for which no decisions are declared."""
        label = declaration.columns.label
        problems = [
            Problem("unread_key", f"{key} means nothing where numbers are predicted", "remove it", label)
            for key, value in (
                ("columns.positive", declaration.columns.positive),
                ("columns.negative", declaration.columns.negative),
                ("[business]", declaration.business),
            )
            if value is not None
        ]
        distinct = pc.count_distinct(values).as_py()
        if distinct < FEWEST_VALUES:
            message = f"the label '{label}' has {distinct} distinct values"
            remedy = 'a number is wanted; classes are told by [project] task = "classification"'
            return None, [*problems, Problem("few_values", message, remedy, label)]
        return cls(label, declaration.project.quantile), problems

    def encode(self, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[Problem]]:
        """Numbers; texts and missing cells are problems."""
        numbers, problems = to_numbers(values, self.label)
        missing = pc.indices_nonzero(pc.is_null(numbers)).to_pylist()
        if missing and not problems:
            rows = ", ".join(place(row) for row in missing[:SHOWN])
            message = f"the label '{self.label}' is missing in {len(missing)} rows ({rows}…)"
            problems = [Problem("label_missing", message, column=self.label, rows=tuple(missing[:SHOWN]))]
        return numbers, problems

    def no_labels(self, rows: int) -> pa.Array:
        """Zeros."""
        return pa.array(np.zeros(rows))

    def label_problems(self, labels: np.ndarray) -> list[Problem]:
        """Too few rows."""
        if len(labels) >= FEWEST_ROWS:
            return []
        message = f"the data has {len(labels)} rows"
        return [Problem("few_rows", message, f"at least {FEWEST_ROWS} are needed", self.label)]

    def split_problems(self, labels: dict[str, np.ndarray], method: str) -> list[Problem]:
        """Splits that are too small, or in which the label never varies."""
        del method
        remedy, problems = "choose another split", []
        for name, values in labels.items():
            if len(values) < FEWEST_IN_SPLIT:
                message = f"there are {len(values)} {name} rows; at least {FEWEST_IN_SPLIT} are needed"
                problems.append(Problem("few_rows", message, remedy, self.label))
            elif float(np.ptp(values)) == 0.0:
                message = f"'{self.label}' is {values[0]:g} in all {name} rows ({len(values)})"
                problems.append(Problem("constant_label", message, remedy, self.label))
        return problems

    def strata(self, labels: np.ndarray) -> np.ndarray:
        """Tenths of the rows."""
        edges = np.quantile(labels, np.linspace(0.0, 1.0, STRATA + 1)[1:-1])
        return np.searchsorted(np.unique(edges), labels, side="right")

    def marked(self, labels: np.ndarray) -> np.ndarray:
        """The larger half: a column that orders these all alone orders the label."""
        middle = np.median(labels)
        larger: np.ndarray = labels > middle
        return larger if larger.any() else labels >= middle

    def describe(self, labels: np.ndarray) -> str:
        """Range, mean and median."""
        low, middle, high = np.quantile(labels, [0.0, 0.5, 1.0])
        return f"numbers from {low:g} to {high:g}, mean {labels.mean():g}, median {middle:g}"

    def write_schema(self, item: schema_pb2.Feature) -> None:
        """A float."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        item.type = schema_pb2.FLOAT

    @property
    def parsing(self) -> Any:
        """One number a row."""
        import tensorflow as tf

        return tf.io.FixedLenFeature([], tf.float32)

    @property
    def outputs(self) -> int:
        """One."""
        return 1

    def head(self, labels: np.ndarray) -> Head:
        """Squared errors, or the pinball loss of a quantile."""
        from solutionkit.models.heads import QuantileHead, ValueHead

        return ValueHead(labels) if self.quantile is None else QuantileHead(labels, self.quantile)

    def trivial(self, labels: np.ndarray) -> np.ndarray:
        """The mean, or the quantile."""
        return np.array([labels.mean() if self.quantile is None else np.quantile(labels, self.quantile)])

    def metrics(self, false_alarm_rate: float | None = None, calibrated: bool = True) -> dict[str, Metric]:
        """RMSE, MAE, R², and the pinball loss where a quantile is predicted."""
        del false_alarm_rate, calibrated
        further = [] if self.quantile is None else [pinball_metric(self.quantile)]
        return {metric.name: metric for metric in (*VALUES, *further)}

    def all_metrics(self) -> list[str]:
        """With the pinball loss."""
        return [*(metric.name for metric in VALUES), PINBALL]

    def deciding_metric(self, preferred: str, known: Collection[str]) -> str:
        """The pinball loss of a quantile, else the preferred one where it is of numbers, else the RMSE."""
        if self.quantile is not None:
            return PINBALL
        return preferred if preferred in known else VALUES[0].name

    def diagnosis(self, judged: EvaluationSet, outputs: np.ndarray) -> dict[str, Any]:
        """Quantiles of the errors."""
        errors = outputs[:, 0] - judged.labels
        shares = (0.05, 0.25, 0.5, 0.75, 0.95)
        quantiles = {f"{share:g}": float(np.quantile(errors, share)) for share in shares}
        return {**super().diagnosis(judged, outputs), "errors": quantiles}

    def frame(self, outputs: np.ndarray) -> dict[str, pa.Array]:
        """The number."""
        return {self.output: pa.array(outputs[:, 0])}

    def notable(
        self, labels: np.ndarray, outputs: np.ndarray, decision: Decision | None, each: int = 1
    ) -> dict[str, list[int]]:
        """The largest errors either way, and the most usual ones."""
        del decision
        errors = outputs[:, 0] - labels
        usual = np.abs(np.abs(errors) - np.median(np.abs(errors)))
        orders = {"too_high": -errors, "too_low": errors, "typical": usual}
        return {
            name: [int(row) for row in np.argsort(order, kind="stable")[:each]]
            for name, order in orders.items()
        }

    def told(self, label: Any) -> float:
        """The number."""
        # Single precision is what the model read; its shortest form is what was written.
        return float(str(np.float32(label)))

    def margin(self, outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """The number itself."""
        del targets
        return outputs[:, 0]

    def margin_of_raw(self, raw: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Raw sums are the number."""
        del targets
        return raw[..., 0]

    def score(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The number."""
        del targets
        return outputs[:, 0]

    @property
    def margin_unit(self) -> str:  # type: ignore[override]
        """The label's own."""
        return f"units of {self.label}"

    def words(self, label: str, calibrated: bool) -> Words:
        """Of the mean, or of a quantile."""
        del calibrated
        of_what = "expected value" if self.quantile is None else f"{self.quantile:g} quantile"
        return Words(
            f'the {of_what} of "{label}"',
            f"the {'mean' if self.quantile is None else of_what}",
            single_rows="The largest errors of the {} model either way, and a usual one.",
            marked="above the median",
        )

    def figures(
        self, compared: dict[str, Any], scores: Scores, business: dict[str, Any] | None
    ) -> list[Figure]:
        """Predictions against truth, and errors."""
        from solutionkit.tasks.regression.figures import figures

        del compared, business
        return figures(self.label, scores)
