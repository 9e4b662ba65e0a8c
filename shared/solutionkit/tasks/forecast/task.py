"""Forecasting the next steps of series, each by its quantiles."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from solutionkit.cells import sequence_array, sequence_shape, sequence_values
from solutionkit.compare.metrics import Metric
from solutionkit.errors import Problem
from solutionkit.tasks.base import Task
from solutionkit.tasks.decisions import Decisions, Scores
from solutionkit.tasks.forecast.layout import SCALES, steps_of
from solutionkit.tasks.forecast.metrics import errors, known_mean, metrics_of
from solutionkit.tasks.words import Words

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow_metadata.proto.v0 import schema_pb2

    from solutionkit.compare.decision import Decision
    from solutionkit.compare.evaluation import EvaluationSet
    from solutionkit.declaration import Business, Declaration
    from solutionkit.report.figures import Figure

PRIMARY = "wape"


@dataclass(frozen=True)
class Forecast(Task):
    """Quantiles of the next steps of a series; a row is a window, its label the steps and two scales.

    Attributes:
        horizon: How many steps.
        quantiles: Ascending, 0.5 among them.
        seasons: After how many steps patterns repeat, the shortest first.
        frequency: The grid, as `Frequency.text` writes it.
        nonnegative: Whether no value was ever negative; then no forecast is.
        usual_level: The mean absolute value of the series, for those without a past.
    """

    horizon: int = 1
    quantiles: tuple[float, ...] = (0.5,)
    seasons: tuple[int, ...] = (1,)
    frequency: str = "step/1/0/1"
    nonnegative: bool = False
    usual_level: float = 1.0

    name: ClassVar[str] = "forecast"
    output: ClassVar[str] = "quantiles"
    usual_view: ClassVar[str] = "solutionkit.tasks.forecast.metrics:point_view"
    nested: ClassVar[bool] = True
    worths: ClassVar[frozenset[str]] = frozenset(("understock_cost", "overstock_cost"))

    def __post_init__(self) -> None:
        # JSON knows lists alone.
        object.__setattr__(self, "quantiles", tuple(self.quantiles))
        object.__setattr__(self, "seasons", tuple(self.seasons))

    @property
    def median(self) -> int:
        """Which of the quantiles is the point forecast."""
        return self.quantiles.index(0.5)

    def by_step(self, outputs: np.ndarray) -> np.ndarray:
        """`(windows, horizon, quantiles)` of `(windows, outputs)`."""
        return outputs.reshape(-1, self.horizon, len(self.quantiles))

    # -- the label

    @classmethod
    def worth_problems(cls, declaration: Declaration) -> list[Problem]:
        """What too little and too much cost, both of them."""
        from solutionkit.tasks.forecast.stock import cost_problems

        business, found = declaration.business, super().worth_problems(declaration)
        return found + (cost_problems(business, declaration.forecast) if business else [])

    @classmethod
    def find(cls, values: pa.ChunkedArray, declaration: Declaration) -> tuple[Self | None, list[Problem]]:
        """Of windows that a modality has cut, and which it knows all else of; see `Series.with_computed`."""
        label, forecast = declaration.columns.label, declaration.forecast
        shape = sequence_shape(values.type)
        if shape is None and forecast is not None:
            # Why there are no windows is told by the modality.
            return None, []
        if shape is None or forecast is None:
            message = "a forecast is of series"
            return None, [Problem("no_windows", message, "name [forecast] horizon and columns.time", label)]
        return cls(label, shape[0] - SCALES, tuple(forecast.quantiles)), []

    def encode(self, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[Problem]]:
        """Windows are numbers already."""
        return values, []

    def label_array(self, values: pa.ChunkedArray) -> np.ndarray:
        """`(windows, horizon + 2)`."""
        return sequence_values(values)[:, :, 0]

    def no_labels(self, rows: int) -> pa.Array:
        """Not known."""
        return sequence_array(np.full((rows, self.horizon + SCALES, 1), np.nan, np.float32))

    def label_problems(self, labels: np.ndarray) -> list[Problem]:
        """None: what is too short is told of the series."""
        del labels
        return []

    def split_problems(self, labels: dict[str, np.ndarray], method: str) -> list[Problem]:
        """Splits in which nothing is known, or nothing ever happens."""
        del method
        problems = []
        for name, windows in labels.items():
            values = steps_of(windows)
            known = values[~np.isnan(values)]
            if not len(known) or not np.abs(known).max() > 0.0:
                what = "holds no value" if not len(known) else "is zero throughout"
                message = f"'{self.label}' {what} in the steps that {name} windows forecast"
                problems.append(Problem("empty_label", message, "forecast another time", self.label))
        return problems

    def strata(self, labels: np.ndarray) -> np.ndarray:
        """All alike."""
        return np.zeros(len(labels), np.int64)

    def marked(self, labels: np.ndarray) -> np.ndarray:
        """All of them."""
        return np.ones(len(labels), bool)

    def leaks(self, labels: np.ndarray) -> list[np.ndarray]:
        """Nothing: a covariate that is not known beforehand is not seen."""
        del labels
        return []

    def describe(self, labels: np.ndarray) -> str:
        """Range and share of zeros."""
        values = steps_of(labels)
        values = values[~np.isnan(values)]
        low, middle, high = np.quantile(values, [0.0, 0.5, 1.0])
        zeros = (values == 0.0).mean()
        rest = f", {zeros:.0%} are zero" if zeros >= 0.005 else ""
        return f"from {low:g} to {high:g}, median {middle:g}{rest}"

    def write_schema(self, item: schema_pb2.Feature) -> None:
        """Floats of a fixed shape."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        item.type = schema_pb2.FLOAT
        item.ClearField("value_count")
        item.shape.dim.add(size=self.horizon + SCALES)

    @property
    def parsing(self) -> Any:
        """A whole window."""
        import tensorflow as tf

        return tf.io.FixedLenFeature([self.horizon + SCALES], tf.float32)

    # -- models

    @property
    def outputs(self) -> int:
        """A number a step and quantile."""
        return self.horizon * len(self.quantiles)

    @classmethod
    def has_head(cls) -> bool:
        """It has models of its own, which need none."""
        return True

    # -- comparison

    def trivial(self, labels: np.ndarray) -> np.ndarray:
        """The quantiles of all that is known; where the past is at hand, the last value stands for it."""
        values = steps_of(labels)
        known = np.quantile(values[~np.isnan(values)], self.quantiles)
        return np.tile(known, self.horizon)

    def metrics(self, false_alarm_rate: float | None = None, calibrated: bool = True) -> dict[str, Metric]:
        """WAPE, MASE, RMSSE, sMAPE of the median, and the loss of all quantiles."""
        del false_alarm_rate, calibrated
        return metrics_of(self.horizon, self.quantiles)

    def deciding_metric(self, preferred: str, known: Collection[str]) -> str:
        """The preferred one, else WAPE."""
        return preferred if preferred in known else PRIMARY

    def decisions(
        self, judged: EvaluationSet, scores: Scores, validation: Scores, business: Business | None, seed: int
    ) -> Decisions:
        """The quantile to order where a unit too few and one too many have a cost, and its stock."""
        from solutionkit.tasks.forecast.stock import ratio_of, stock_decisions

        if business is None or ratio_of(business) is None:
            return super().decisions(judged, scores, validation, business, seed)
        return stock_decisions(self, judged, scores, business, seed)

    def diagnosis(self, judged: EvaluationSet, outputs: np.ndarray) -> dict[str, Any]:
        """Error by step ahead, bias, and how often the truth lies below each quantile."""
        said, truth = self.by_step(outputs), steps_of(judged.labels)
        known = ~np.isnan(truth)
        missed = errors(judged.labels, said[:, :, self.median])
        total = np.nansum(np.abs(truth), axis=0)
        by_step = np.divide(
            np.nansum(np.abs(missed), axis=0), total, out=np.full(self.horizon, np.nan), where=total > 0
        )
        below = [(truth <= said[:, :, place])[known].mean() for place in range(len(self.quantiles))]
        intervals = {}
        for low, high in self.intervals:
            inside = (truth >= said[:, :, low]) & (truth <= said[:, :, high])
            counted = known.sum(axis=0)
            share = f"{self.quantiles[high] - self.quantiles[low]:.2f}"
            intervals[share] = {
                "covered": float(inside[known].mean()),
                "by_step": [
                    float(inside[:, step][known[:, step]].mean()) if counted[step] else None
                    for step in range(self.horizon)
                ],
                "width": float(
                    (said[:, :, high] - said[:, :, low])[known].sum() / max(np.abs(truth[known]).sum(), 1e-12)
                ),
            }
        return {
            **super().diagnosis(judged, outputs),
            "bias": float(np.nansum(missed) / max(np.nansum(np.abs(truth)), 1e-12)),
            "wape_by_step": [float(item) if np.isfinite(item) else None for item in by_step],
            "below": {
                f"{quantile:g}": float(share) for quantile, share in zip(self.quantiles, below, strict=True)
            },
            "intervals": intervals,
        }

    @property
    def intervals(self) -> list[tuple[int, int]]:
        """Pairs of quantiles that are as far from either end, the widest first."""
        pairs = []
        for low, quantile in enumerate(self.quantiles):
            high = [place for place, item in enumerate(self.quantiles) if abs(item + quantile - 1.0) < 1e-9]
            if high and high[0] > low:
                pairs.append((low, high[0]))
        return pairs

    # -- people

    def column_names(self) -> list[str]:
        """What the quantiles are called where they are columns."""
        return [f"q{quantile:g}" for quantile in self.quantiles]

    def frame(self, outputs: np.ndarray) -> dict[str, pa.Array]:
        """The quantiles, a row a step: steps of a window one after the other."""
        said = self.by_step(outputs).reshape(-1, len(self.quantiles))
        step = np.tile(np.arange(1, self.horizon + 1), len(said) // self.horizon)
        columns = {name: pa.array(said[:, place]) for place, name in enumerate(self.column_names())}
        return {"step": pa.array(step), **columns}

    def decided(
        self, outputs: np.ndarray, decision: Decision | None, business: Business | None = None
    ) -> dict[str, pa.Array]:
        """The stock to have at each step, where a unit too few and one too many have a cost."""
        from solutionkit.tasks.forecast.stock import ratio_of, to_order

        del decision
        ratio = ratio_of(business)
        if ratio is None:
            return {}
        return {"order_up_to": pa.array(to_order(self.quantiles, self.by_step(outputs), ratio).reshape(-1))}

    def notable(
        self, labels: np.ndarray, outputs: np.ndarray, decision: Decision | None, each: int = 1
    ) -> dict[str, list[int]]:
        """The best, the worst and the most usual windows, by error as a share of what was there."""
        del decision
        missed = np.abs(errors(labels, self.by_step(outputs)[:, :, self.median]))
        size = known_mean(np.abs(steps_of(labels)))
        share = known_mean(missed) / np.where(size > 0, size, np.nan)
        usual = np.abs(share - np.nanmedian(share))
        orders = {"best": share, "typical": usual, "worst": -share}
        return {
            name: [
                int(row) for row in np.argsort(np.where(np.isnan(order), np.inf, order), kind="stable")[:each]
            ]
            for name, order in orders.items()
        }

    def told(self, label: Any) -> float:
        """The sum of a window's known steps."""
        return float(np.nansum(label[:-SCALES]))

    def margin(self, outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """The sum of the medians."""
        import tensorflow as tf

        del targets
        said = tf.reshape(outputs, [-1, self.horizon, len(self.quantiles)])
        return tf.reduce_sum(said[:, :, self.median], axis=1)

    def score(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The sum of the medians."""
        del targets
        total: np.ndarray = self.by_step(outputs)[:, :, self.median].sum(axis=1)
        return total

    @property
    def margin_unit(self) -> str:  # type: ignore[override]
        """The label's own, over all steps."""
        return f"{self.label} over {self.horizon} steps"

    def words(self, label: str, calibrated: bool) -> Words:
        """Of quantiles."""
        del calibrated
        return Words(
            f'quantiles of "{label}" in each of the next {self.horizon} steps',
            "the last value that was known",
            single_rows="A good, a usual and a bad forecast of the {} model.",
            marked=None,
            trivial_rule="The trivial forecast repeats each series' last value.",
            worth=(
                "a unit asked for and not there costs understock_cost, one there and not asked for"
                " overstock_cost a step; stock is filled up to the quantile understock / (understock +"
                " overstock) at each step, and what is left over is there at the next"
            ),
            worth_of="steps",
        )

    def figures(
        self, compared: dict[str, Any], scores: Scores, business: dict[str, Any] | None
    ) -> list[Figure]:
        """Errors by step ahead, reliability of quantiles, fans."""
        from solutionkit.tasks.forecast.figures import figures

        del business
        return figures(self, compared, scores)
