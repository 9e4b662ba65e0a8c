"""The model that a planner begins with: each series by itself, by the Theta method or its last season.

Which of them, or their mean, is chosen by the training windows, and so are the quantiles around it: those of
its errors there, by step ahead, in the unit of the series' level.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import PAST
from solutionkit.modalities.series.theta import theta
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.series.conformal import pinball, shifts
from solutionkit.models.series.explaining import EXPLAINER, save_background
from solutionkit.models.series.finish import finished, in_unit, said_of
from solutionkit.models.series.inputs import Layout, by_fold, scale_of, scaled_targets
from solutionkit.models.trained import TrainedModel

# Windows from which the choice is made.
MOST_JUDGED = 10_000
# A season is repeated so many times at most where it is averaged.
SEASONS_AVERAGED = 2


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Choose the method and its quantiles.

    Args:
        train: Windows to choose by.
        validation: Windows that judge whether the choice holds.
        spec: What the columns are.
        training: Its seed.
    """
    layout = Layout.of(spec)
    quantiles = np.asarray(layout.task.quantiles)
    random = np.random.default_rng(training.seed)
    fitted, _ = by_fold(train)
    some = fitted.take(np.sort(random.permutation(len(fitted))[:MOST_JUDGED]))
    target, _ = scaled_targets(some, layout)
    said = said_of(lambda columns: points(columns, layout), some)
    names = method_names(layout)
    losses, tables = {}, {}
    for place, name in enumerate(names):
        tables[name] = shifts(quantiles, target, said[:, :, place : place + 1])
        moved = said[:, :, place : place + 1] + tables[name]
        losses[name] = float(np.nanmean(pinball(quantiles, target, moved)))
    chosen = min(losses, key=lambda name: losses[name])
    place, added = names.index(chosen), tables[chosen]

    def scaled(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        point = points(columns, layout)[:, :, place : place + 1]
        return tf.repeat(point, len(quantiles), axis=2)

    held_out = said_of(scaled, validation)
    facts = {
        "algorithm": chosen,
        "losses": {name: round(loss, 5) for name, loss in losses.items()},
        "parameters": int(added.size),
    }
    return TrainedModel(
        finished(scaled, added, layout),
        in_unit(held_out, added, validation, layout),
        lambda folder: save_background(folder, train, training.seed),
        EXPLAINER,
        facts,
    )


def method_names(layout: Layout) -> list[str]:
    """What competes."""
    seasonal = [f"season of {season} repeated" for season in layout.seasons if season > 1]
    return ["Theta", *seasonal, *(f"Theta and {name}" for name in seasonal)]


def points(columns: dict[str, tf.Tensor], layout: Layout) -> tf.Tensor:
    """`(batch, horizon, methods)` without their unit, as `method_names` has them.

    Args:
        columns: The windows.
        layout: What they hold.
    """
    past = columns[PAST]
    scale = scale_of(past, layout)
    said = [scale.of(classical(past, layout))]
    repeated = [
        scale.of(last_season(past, season, layout.horizon)) for season in layout.seasons if season > 1
    ]
    mixed = [0.5 * (said[0] + item) for item in repeated]
    return tf.stack([*said, *repeated, *mixed], axis=2)


def classical(past: tf.Tensor, layout: Layout) -> tf.Tensor:
    """`(batch, horizon)` forecasts by the Theta method, with the longest season that a window holds twice."""
    fitting = [season for season in layout.seasons if 2 * season <= layout.lookback]
    season = fitting[-1] if fitting else 1
    return theta(past[:, :, 1], past[:, :, 0], season, layout.horizon, layout.task.nonnegative)


def last_season(past: tf.Tensor, season: int, horizon: int) -> tf.Tensor:
    """`(batch, horizon)` the mean of the same place in the last seasons; of all where nothing was there.

    Args:
        past: `(batch, lookback, channels)`.
        season: Steps.
        horizon: Steps to forecast.
    """
    there, value = past[:, :, 0], past[:, :, 1]
    steps = past.shape[1]
    place = np.arange(horizon) % season
    sums = counts = 0.0
    for back in range(1, SEASONS_AVERAGED + 1):
        at = steps - back * season + place
        if at.min() < 0:
            break
        sums += tf.gather(value * there, at, axis=1)
        counts += tf.gather(there, at, axis=1)
    overall = tf.math.divide_no_nan(
        tf.reduce_sum(value * there, axis=1, keepdims=True), tf.reduce_sum(there, axis=1, keepdims=True)
    )
    return tf.where(counts > 0, tf.math.divide_no_nan(sums, counts), overall)
