"""What models of series read, brought to a common scale; the same TensorFlow ops in training and serving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import CATEGORICAL, FUTURE, NUMERIC, PAST
from solutionkit.models.arrays import TransformedSplit
from solutionkit.tasks.forecast.layout import steps_of
from solutionkit.tasks.forecast.task import Forecast

# The level of a series is the mean of its last season, or of so many steps where that is shorter.
FEWEST_LEVEL_STEPS = 8
# What the whole window weighs in the level, in steps: a series that rests for a season has a level still.
PRIOR_STEPS = 1.0
WINDOWS_AT_ONCE = 4096
# How much more a large series counts than a small one: its level to this power, within limits.
WEIGHT_POWER, LARGEST_WEIGHT = 0.5, 8.0


@dataclass(frozen=True)
class Layout:
    """What windows hold.

    Attributes:
        task: What is forecast.
        lookback: Steps of the past.
        past: Names of its channels, see `modalities.series.windows.past_channels`.
        future: Names of the future's.
        numeric: Names of static columns of numbers.
        categorical: Of others.
        cardinalities: How many ids each of these has.
    """

    task: Forecast
    lookback: int
    past: tuple[str, ...]
    future: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    cardinalities: tuple[int, ...]

    @classmethod
    def of(cls, spec: TableSpec) -> Layout:
        """That of a specification."""
        assert isinstance(spec.task, Forecast)
        past = spec.only(PAST)
        return cls(
            spec.task,
            past.shape[0],
            past.domain,
            spec.only(FUTURE).domain,
            tuple(feature.name for feature in spec.of(NUMERIC)),
            tuple(feature.name for feature in spec.of(CATEGORICAL)),
            tuple(feature.cardinality for feature in spec.of(CATEGORICAL)),
        )

    @property
    def horizon(self) -> int:
        """Steps that are forecast."""
        return self.task.horizon

    @property
    def seasons(self) -> tuple[int, ...]:
        """After how many steps patterns repeat, as far as a window holds one."""
        return tuple(season for season in self.task.seasons if season <= self.lookback) or (1,)

    @property
    def shared(self) -> list[tuple[int, int]]:
        """Channels that stand in past and future: covariates known beforehand, by their places in both."""
        return [(self.past.index(name), place) for place, name in enumerate(self.future) if name in self.past]

    @property
    def level_steps(self) -> int:
        """How many steps make the level."""
        return min(max(self.seasons[0], FEWEST_LEVEL_STEPS), self.lookback)


@dataclass(frozen=True)
class Scale:
    """Where a window's values lie and how far they spread, `(batch, 1)` each."""

    level: tf.Tensor
    spread: tf.Tensor

    def of(self, values: tf.Tensor) -> tf.Tensor:
        """`(batch, steps)` values without their unit."""
        return (values - self.level) / self.spread

    def back(self, values: tf.Tensor) -> tf.Tensor:
        """The values again, `(batch, steps)`."""
        return self.level + values * self.spread


def scale_of(past: tf.Tensor, layout: Layout) -> Scale:
    """The scale of each window.

    Values that are never negative are told as shares of their recent level: a promotion that doubles one
    series doubles another. Others are told as distances from it.

    Args:
        past: `(batch, lookback, channels)`.
        layout: What it holds.
    """
    there, value = past[:, :, 0], past[:, :, 1]
    recent = layout.level_steps
    count = tf.reduce_sum(there, axis=1, keepdims=True)
    size = tf.abs(value) if layout.task.nonnegative else value
    mean = tf.math.divide_no_nan(tf.reduce_sum(size * there, axis=1, keepdims=True), count)
    last = tf.reduce_sum(there[:, -recent:], axis=1, keepdims=True)
    total = tf.reduce_sum(size[:, -recent:] * there[:, -recent:], axis=1, keepdims=True)
    level = tf.math.divide_no_nan(total + PRIOR_STEPS * mean, last + tf.where(count > 0, PRIOR_STEPS, 0.0))
    # A series without a past is told in the unit of a usual one.
    usual = tf.constant(layout.task.usual_level, tf.float32)
    if layout.task.nonnegative:
        spread = tf.where(level > 1e-6 * usual, level, usual)
        return Scale(tf.zeros_like(spread), spread)
    away = tf.math.divide_no_nan(tf.reduce_sum(tf.abs(value - level) * there, axis=1, keepdims=True), count)
    return Scale(level, tf.where(away > 1e-4 * usual, away, usual))


def batches(rows: TransformedSplit, size: int = WINDOWS_AT_ONCE) -> Iterator[dict[str, tf.Tensor]]:
    """The inputs some windows at a time."""
    yield from rows.batches(size)


def scaled_targets(rows: TransformedSplit, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """`(windows, horizon)` targets without their unit, NaN where not known, and `(windows,)` spreads."""
    targets, spreads = [], []
    start = 0
    for batch in batches(rows):
        scale = scale_of(batch[PAST], layout)
        stop = start + len(batch[PAST])
        targets.append(scale.of(tf.constant(steps_of(rows.label[start:stop]), tf.float32)).numpy())
        spreads.append(scale.spread.numpy()[:, 0])
        start = stop
    return np.concatenate(targets), np.concatenate(spreads)


def by_fold(train: TransformedSplit) -> tuple[TransformedSplit, TransformedSplit]:
    """Windows to choose by, and those whose targets stand among the validation's."""
    late = np.zeros(len(train), bool) if train.fold is None else train.fold > 1
    return train.take(~late), train.take(late)


def weights_of(spreads: np.ndarray) -> np.ndarray:
    """`(windows,)` how much each counts in what is learned, of `(windows,)` spreads."""
    relative = (spreads / np.exp(np.mean(np.log(spreads)))) ** WEIGHT_POWER
    weights: np.ndarray = np.clip(relative, 1.0 / LARGEST_WEIGHT, LARGEST_WEIGHT)
    return weights
