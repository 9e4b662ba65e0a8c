"""What a metric is: its values for many bootstrap weightings of the rows at once, and its paired test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from solutionkit.compare.bootstrap import CELLS_AT_ONCE, Units, resamples
from solutionkit.compare.inference import Difference, Estimate
from solutionkit.errors import UserError, suggestion

# Units of which one at a time is left out; of more the bootstrap's error is right.
FEWEST_LEFT_OUT, MOST_LEFT_OUT = 3, 200
# `(labels, scores, weights) -> (resamples,)`; labels and scores as a view has them, weights
# `(resamples, rows)`.
WeightedMetric = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
# `(rows,)` labels as a task encodes them, and `(rows, outputs)` of a model.
Rows = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class View:
    """What a metric sees of the same labels and outputs.

    Attributes:
        labels: `(rows,)` encoded labels -> labels as the metric reads them.
        scores: `(rows, outputs)` -> scores as the metric reads them.
        strata: `(rows,)` encoded labels -> codes, of which each draw of rows must hold all from 0 on.
        enough: Whether `(rows,)` encoded labels are enough to say something of a slice.
        kinds: `(rows,)` encoded labels -> codes of the kinds of rows of which the scarcest decides how much
            can be told, if others than `strata`.
        telling: `(rows,)` encoded labels -> how many rows a metric hangs on, if these are fewer still.
    """

    labels: Rows
    scores: Rows
    strata: Rows
    enough: Callable[[np.ndarray], bool] = lambda labels: len(labels) > 0
    kinds: Rows | None = None
    telling: Callable[[np.ndarray], int] | None = None

    def units(self, labels: np.ndarray, units: np.ndarray | None) -> Units:
        """How many units there are of the scarcest kind.

        Args:
            labels: `(rows,)` encoded labels.
            units: `(rows,)` codes of rows that are drawn together, if there are such.
        """
        found = Units.of((self.kinds or self.strata)(labels), units)
        return found if self.telling is None else found.at_most(self.telling(labels))


@dataclass(frozen=True)
class PairedTest:
    """Intervals, and the test of two models on the same rows, by the paired bootstrap.

    Attributes:
        name: What `comparison.json` calls the test.
        in_words: What people call it.
        units: `(rows,)` codes from 0 of rows that are drawn together, if there are such.
    """

    name: str = "paired_bootstrap"
    in_words: str = "the paired bootstrap"
    units: np.ndarray | None = field(default=None, compare=False)

    def estimates(
        self, metric: Metric, labels: np.ndarray, models: list[np.ndarray], seed: int
    ) -> list[Estimate]:
        """Each model's value with its interval.

        Args:
            metric: The metric.
            labels: `(rows,)` encoded labels.
            models: `(rows, outputs)` of each model.
            seed: Of the resamples.
        """
        draws = paired_draws(metric, labels, models, seed, self.units)
        counted = metric.view.units(labels, self.units)
        return [
            counted.spread(drawn).estimate(metric.value(labels, outputs), metric.bounds)
            for outputs, drawn in zip(models, draws, strict=True)
        ]

    def difference(
        self, metric: Metric, labels: np.ndarray, first: np.ndarray, second: np.ndarray, seed: int
    ) -> Difference:
        """The second model's value minus the first one's.

        Args:
            metric: The metric.
            labels: `(rows,)` encoded labels.
            first: `(rows, outputs)` of one model.
            second: The same of the other.
            seed: Of the resamples.
        """
        draws = paired_draws(metric, labels, [first, second], seed, self.units)
        counted = metric.view.units(labels, self.units)
        value = metric.value(labels, second) - metric.value(labels, first)
        spread = counted.spread(draws[1] - draws[0])
        if self.units is not None:
            spread = spread.no_less(jackknife_error(metric, labels, first, second, self.units))
        return leave_room(Difference(value, spread), metric, first, second)


def jackknife_error(
    metric: Metric, labels: np.ndarray, first: np.ndarray, second: np.ndarray, units: np.ndarray
) -> float:
    """The standard error of a difference by leaving out one unit at a time; 0 where that cannot be told.

    Where few units hold what is scarce a bootstrap's error is too small for a curved metric, e.g. average
    precision; this one is not (J. MacKinnon, M. Nielsen, M. Webb, "Fast and reliable jackknife and bootstrap
    methods for cluster-robust inference", Journal of Applied Econometrics 38, 2023; benchmarks/statistics).

    Args:
        metric: The metric.
        labels: `(rows,)` encoded labels.
        first: `(rows, outputs)` of one model.
        second: The same of the other.
        units: `(rows,)` codes from 0.
    """
    count = int(units.max()) + 1
    if not FEWEST_LEFT_OUT <= count <= MOST_LEFT_OUT:
        return 0.0
    strata = metric.view.strata(labels)
    without = np.bincount(units, minlength=count)
    held = [np.bincount(units[strata == code], minlength=count) for code in np.unique(strata[strata >= 0])]
    # Without the unit that alone holds a kind of row there is no value.
    if not without.all() or any((item == item.sum()).any() for item in held):
        return 0.0
    seen = metric.view.labels(labels)
    scores = [metric.view.scores(outputs) for outputs in (first, second)]
    parts = []
    for some in np.array_split(np.arange(count), -(-count * len(labels) // CELLS_AT_ONCE)):
        weights = (units[None, :] != some[:, None]).astype(float)
        of_first, of_second = (metric.function(seen, item, weights) for item in scores)
        parts.append(of_second - of_first)
    found = np.concatenate(parts)
    return float(np.sqrt((count - 1.0) / count * ((found - found.mean()) ** 2).sum()))


def leave_room(found: Difference, metric: Metric, first: np.ndarray, second: np.ndarray) -> Difference:
    """A difference with the width that so many units leave open, where none was seen of unlike models.

    Two models that told all rows rightly may yet differ on others.

    Args:
        found: The difference.
        metric: Of which metric.
        first: `(rows, outputs)` of one model.
        second: The same of the other.
    """
    bounds = metric.bounds
    if (
        found.spread.error > 0.0
        or bounds is None
        or not math.isfinite(bounds[1])
        or np.array_equal(first, second)
    ):
        return found
    return Difference(found.value, found.spread.at_least((bounds[1] - bounds[0]) * found.spread.unseen))


BOOTSTRAP = PairedTest()
# What `comparison.json` calls the test where rows are drawn in units.
GROUP_BOOTSTRAP = "paired_group_bootstrap"


@dataclass(frozen=True)
class Metric:
    """A metric and how to read it.

    Example:
        >>> import numpy as np
        >>> from solutionkit.tasks.regression.metrics import VALUE_VIEW
        >>> def largest_error(labels, predictions, weights):
        ...     return np.where(weights > 0, abs(labels - predictions), 0.0).max(axis=1)
        >>> metric = Metric("largest_error", "Largest error", largest_error, False, VALUE_VIEW)
        >>> metric.value(np.array([1.0, 2.0, 3.0]), np.array([[1.0], [2.5], [3.0]]))
        0.5

    Attributes:
        name: Its key in `comparison.json`.
        title: What people call it.
        function: Its values under several weightings of the rows.
        higher_is_better: The direction.
        view: What it sees.
        test: Intervals and paired test, where rows are independent of each other.
        bounds: The least and the most that it can be.
        margin: A difference that is too small to matter; without it a fiftieth of what the trivial predictor
            gets.
        of_slices: Whether it means something of some of the rows alone.
        of_probabilities: Whether it means something only if outputs are meant as probabilities.
        tfma: The metric of TensorFlow Model Analysis on which a threshold can be held as well.
        second_opinion: What that one's output is called, where it must say the same as ours.
    """

    name: str
    title: str
    function: WeightedMetric
    higher_is_better: bool
    view: View
    test: PairedTest = BOOTSTRAP
    bounds: tuple[float, float] | None = None
    margin: float | None = None
    of_slices: bool = True
    of_probabilities: bool = False
    tfma: str | None = None
    second_opinion: str | None = None

    def value(self, labels: np.ndarray, outputs: np.ndarray) -> float:
        """The metric of unweighted rows: `(rows,)` encoded labels and `(rows, outputs)`."""
        everything = np.ones((1, len(labels)))
        return float(self.function(self.view.labels(labels), self.view.scores(outputs), everything)[0])

    def to_json(self) -> dict[str, str | bool]:
        """What `comparison.json` tells of it."""
        return {"title": self.title, "higher_is_better": self.higher_is_better}


def test_of(metric: Metric, units: np.ndarray | None) -> PairedTest:
    """A metric's test, but the bootstrap where rows resemble each other: others presume independent rows."""
    return metric.test if units is None else PairedTest(GROUP_BOOTSTRAP, BOOTSTRAP.in_words, units)


def estimates(
    metric: Metric, labels: np.ndarray, models: dict[str, np.ndarray], seed: int, units: np.ndarray | None
) -> dict[str, Estimate]:
    """Each model's value with its interval.

    Args:
        metric: The metric.
        labels: `(rows,)` encoded labels.
        models: `(rows, outputs)` by name.
        seed: Of the draws.
        units: `(rows,)` codes from 0 of rows that resemble each other, if there are such.
    """
    estimated = test_of(metric, units).estimates(metric, labels, list(models.values()), seed)
    return dict(zip(models, estimated, strict=True))


def difference(
    metric: Metric,
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    seed: int,
    units: np.ndarray | None = None,
) -> Difference:
    """The second model's value minus the first one's, with what a paired test says of it.

    Args:
        metric: The metric.
        labels: `(rows,)` encoded labels.
        first: `(rows, outputs)` of one model.
        second: `(rows, outputs)` of the other.
        seed: Of the draws.
        units: As in `estimates`.
    """
    return test_of(metric, units).difference(metric, labels, first, second, seed)


def paired_draws(
    metric: Metric,
    labels: np.ndarray,
    models: list[np.ndarray],
    seed: int,
    units: np.ndarray | None = None,
) -> np.ndarray:
    """`(models, resamples)` values of a metric on the same draws.

    Args:
        metric: The metric.
        labels: `(rows,)` encoded labels.
        models: Of each model, `(rows, outputs)`.
        seed: Of the draws.
        units: `(rows,)` codes of rows that are drawn together.
    """
    seen = metric.view.labels(labels)
    scores = [metric.view.scores(outputs) for outputs in models]
    blocks = [
        np.stack([metric.function(seen, model, weights) for model in scores])
        for weights in resamples(metric.view.strata(labels), seed, units=units)
    ]
    return np.concatenate(blocks, axis=1)


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`(resamples,)` means of `(rows,)` values under `(resamples, rows)` weights."""
    means: np.ndarray = weights @ values / weights.sum(axis=1)
    return means


def refuse_unknown_thresholds(
    thresholds: dict[str, float], known: Iterable[str], others: Iterable[str]
) -> None:
    """Raise a UserError for a threshold on a metric that there is not.

    Args:
        thresholds: Bounds by metric.
        known: The metrics that mean something for this label and declaration.
        others: Metrics that there are for other labels and declarations.
    """
    known = list(known)
    for name in thresholds:
        if name in known:
            continue
        if name in set(others):
            raise UserError(
                f"use_case.toml: 'thresholds.{name}' means nothing for this label and declaration; remove it,"
                f" or bound one of {', '.join(known)}"
            )
        raise UserError(
            f"use_case.toml: unknown metric 'thresholds.{name}'{suggestion(name, known)};"
            f" known are {', '.join(known)}"
        )
