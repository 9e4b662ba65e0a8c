"""The deep model of series: networks over windows of all series, with quantiles that cannot cross.

A member adds three things up: a classical forecast of each step; a linear map from the past's steps to those
to come (A. Zeng et al., "Are transformers effective for time series forecasting?", AAAI 2023, arXiv
2205.13504); and what residual layers over past, calendar and covariates add to it (A. Das et al., "Long-term
forecasting with TiDE", TMLR 2023, arXiv 2304.08424). Lower and upper quantiles lie below and above the median
by sums of positive numbers. Members read pasts of different lengths and start from different forecasts; the
model is the mean of their quantiles (B. Oreshkin et al., "N-BEATS", ICLR 2020, arXiv 1905.10437, sec. 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.series.conformal import pinball
from solutionkit.models.series.explaining import EXPLAINER, save_background
from solutionkit.models.series.finish import finished, in_unit, moved
from solutionkit.models.series.inputs import Layout, by_fold, scaled_targets, weights_of
from solutionkit.models.series.prepared import (
    AHEAD,
    FURTHEST,
    IDS,
    SEASON,
    THERE,
    THETA,
    VALUE,
    WINDOW,
    prepared,
    prepared_arrays,
)
from solutionkit.models.trained import TrainedModel
from solutionkit.progress import Progress

BATCH = 256
LEARNING_RATE, FINAL_RATE, WEIGHT_DECAY = 1.5e-3, 2e-5, 1e-4
AVERAGED = 0.99
# How often the held-out windows are looked at while a member learns.
LOOKS = 10
STEPS, QUICK_STEPS = 1800, 700
SCORED_AT_ONCE = 2048


@dataclass(frozen=True)
class Member:
    """A network.

    Attributes:
        past: Share of the look-back that it reads.
        start: Which column of `prepared.AHEAD` it starts from; None for the level.
        width: Of its layers.
        dropout: Share of units that rest.
        depth: Residual blocks; none leaves the linear map and what each step knows of itself.
    """

    past: float = 1.0
    start: int | None = THETA
    width: int = 192
    dropout: float = 0.1
    depth: int = 2


MEMBERS = (
    Member(),
    Member(start=SEASON),
    Member(start=None, depth=0),
    Member(past=0.5, start=None),
    Member(start=SEASON, depth=0),
)
QUICK_MEMBERS = MEMBERS[:3]


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the deep model.

    Args:
        train: Windows to fit; those of fold 2 only once the number of steps is chosen.
        validation: Windows that choose it.
        spec: What the columns are.
        training: Its seed and preset.
    """
    layout = Layout.of(spec)
    keras.utils.set_random_seed(training.seed)
    fitted, late = by_fold(train)
    members = MEMBERS if training.by_folds else QUICK_MEMBERS
    steps = int(STEPS * training.leisure) if training.by_folds else QUICK_STEPS
    first, judged = Windows.of(fitted, layout), Windows.of(validation, layout)
    newest = [Windows.of(late, layout)] if len(late) else []
    every = Windows.joined([first, *newest, judged])
    usual = Usual.of(first)
    progress = Progress(2 * len(members))
    said, losses, counts, networks = [], [], [], []
    for place, member in enumerate(members):
        network = build(member, layout, first, usual, training.seed + place)
        found = learn(network, first, judged, layout, steps, training.seed + place)
        said.append(found.said)
        losses.append(found.loss)
        counts.append(found.steps)
        progress.step()
        again = build(member, layout, first, usual, training.seed + place)
        learn(again, every, None, layout, steps, training.seed + place, found.steps)
        networks.append(again)
        progress.step()
    held_out = np.mean(said, axis=0)
    shifts, told = moved(held_out, validation, layout)

    def scaled(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        inputs = prepared(columns, layout)
        return tf.add_n([network(inputs, training=False) for network in networks]) / float(len(networks))

    quantiles = np.asarray(layout.task.quantiles)
    facts: dict[str, Any] = {
        "algorithm": "networks over windows",
        "members": [
            {"past": member.past, "width": member.width, "depth": member.depth, "steps": count,
             "loss": round(loss, 5)}
            for member, count, loss in zip(members, counts, losses, strict=True)
        ],
        "loss": round(float(np.nanmean(pinball(quantiles, judged.target, held_out))), 5),
        "parameters": int(sum(network.count_params() for network in networks)),
        "conformal": told,
    }  # fmt: skip
    return TrainedModel(
        finished(scaled, shifts, layout),
        in_unit(held_out, shifts, validation, layout),
        lambda folder: save_background(folder, train, training.seed),
        EXPLAINER,
        facts,
        trackables=networks,
    )


@dataclass(frozen=True)
class Windows:
    """Windows as networks learn from them.

    Attributes:
        inputs: See `prepared`.
        target: `(windows, horizon)` without their unit, NaN where not known.
        weight: `(windows,)`.
    """

    inputs: dict[str, np.ndarray]
    target: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, rows: TransformedSplit, layout: Layout) -> Windows:
        """Those of a split."""
        target, spread = scaled_targets(rows, layout)
        weight = weights_of(spread).astype(np.float32)
        return cls(prepared_arrays(rows, layout), np.clip(target, -FURTHEST, FURTHEST), weight)

    @classmethod
    def joined(cls, known: list[Windows]) -> Windows:
        """All of them."""
        return cls(
            {name: np.concatenate([part.inputs[name] for part in known]) for name in known[0].inputs},
            np.concatenate([part.target for part in known]),
            np.concatenate([part.weight for part in known]),
        )


@dataclass(frozen=True)
class Usual:
    """Means and spreads of columns, by which networks bring them to one scale."""

    ahead: tuple[np.ndarray, np.ndarray]
    window: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, windows: Windows) -> Usual:
        """Those of training windows."""
        ahead, window = windows.inputs[AHEAD], windows.inputs[WINDOW]
        return cls(
            (
                ahead.mean(axis=(0, 1), dtype=np.float64),
                np.maximum(ahead.std(axis=(0, 1), dtype=np.float64), 1e-3),
            ),
            (window.mean(axis=0, dtype=np.float64), np.maximum(window.std(axis=0, dtype=np.float64), 1e-3)),
        )


def build(member: Member, layout: Layout, windows: Windows, usual: Usual, seed: int) -> keras.Model:
    """A network from `prepared` windows to `(batch, horizon, quantiles)`.

    Args:
        member: Its size.
        layout: What windows hold.
        windows: Whose shapes it reads.
        usual: The scale of their columns.
        seed: Of its weights.
    """
    keras.utils.set_random_seed(seed)
    shapes = {name: values.shape[1:] for name, values in windows.inputs.items()}
    inputs = {
        name: keras.Input(shape, name=name, dtype="int64" if name == IDS else "float32")
        for name, shape in shapes.items()
    }
    horizon, quantiles, median = layout.horizon, len(layout.task.quantiles), layout.task.median
    read = max(int(layout.lookback * member.past), min(layout.lookback, max(layout.seasons[0], 8)))
    value, there = inputs[VALUE][:, -read:], inputs[THERE][:, -read:]
    ahead = (inputs[AHEAD] - usual.ahead[0]) / usual.ahead[1]
    ahead = ops.clip(ahead, -10.0, 10.0)
    window = ops.clip((inputs[WINDOW] - usual.window[0]) / usual.window[1], -10.0, 10.0)
    of_step = layers.Dense(32, activation="relu")(ahead)
    parts = [window]
    for place, count in enumerate(layout.cardinalities):
        width = min(16, int(np.ceil(np.sqrt(count))))
        parts.append(layers.Embedding(count, width)(inputs[IDS][:, place]))
    series = ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
    known = (
        inputs[AHEAD][:, :, member.start]
        if member.start is not None
        else ops.zeros_like(inputs[AHEAD][:, :, 0])
    )
    from_start = value - _last_level(value, there)
    linear = layers.Dense(horizon, kernel_initializer="zeros", use_bias=False)(from_start * there)
    middle = known + linear
    if member.start is None:
        middle = middle + _last_level(value, there)
    if member.depth:
        narrow = layers.Dense(8, activation="relu")(ahead)
        joined = ops.concatenate([value, there, series, ops.reshape(narrow, (-1, horizon * 8))], axis=1)
        hidden = layers.Dense(member.width, activation="relu")(joined)
        for _ in range(member.depth):
            inner = layers.Dense(member.width, activation="relu")(hidden)
            inner = layers.Dropout(member.dropout)(layers.Dense(member.width)(inner))
            hidden = layers.LayerNormalization()(hidden + inner)
        decoded = ops.reshape(layers.Dense(horizon * 12)(hidden), (-1, horizon, 12))
    else:
        decoded = ops.repeat(ops.expand_dims(layers.Dense(16, activation="relu")(series), 1), horizon, axis=1)
    at_step = ops.concatenate([of_step, decoded], axis=2)
    at_step = layers.Dense(48, activation="relu")(at_step)
    added = layers.Dense(1, kernel_initializer="zeros")(at_step)
    raw = layers.Dense(
        quantiles,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        bias_initializer=keras.initializers.Constant(-2.0),
    )(at_step)
    centre = ops.expand_dims(middle, 2) + added
    gaps = ops.softplus(raw)
    below = centre - ops.flip(ops.cumsum(ops.flip(gaps[:, :, :median], axis=2), axis=2), axis=2)
    above = centre + ops.cumsum(gaps[:, :, median + 1 :], axis=2)
    return keras.Model(inputs, ops.concatenate([below, centre, above], axis=2))


def _last_level(value: Any, there: Any) -> Any:
    """`(batch, 1)` the mean of the newest steps, the last of them heaviest."""
    weight = there * np.power(0.5, np.arange(value.shape[1])[::-1]).astype(np.float32)
    return ops.sum(value * weight, axis=1, keepdims=True) / (ops.sum(weight, axis=1, keepdims=True) + 1e-6)


@dataclass(frozen=True)
class Learned:
    """How a member learned.

    Attributes:
        steps: After how many it did best.
        loss: Of the windows held out then.
        said: `(held-out windows, horizon, quantiles)` of these.
    """

    steps: int
    loss: float
    said: np.ndarray


def learn(
    network: keras.Model,
    windows: Windows,
    judged: Windows | None,
    layout: Layout,
    steps: int,
    seed: int,
    until: int | None = None,
) -> Learned:
    """Fit a network; it is left with the running mean of its weights.

    Args:
        network: Without experience.
        windows: What it learns from.
        judged: What tells when it is best.
        layout: What windows hold.
        steps: Over which the learning rate falls.
        seed: Of the order of windows.
        until: When to end, where that is known.
    """
    quantiles = tf.constant(layout.task.quantiles, tf.float32)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, FINAL_RATE / LEARNING_RATE)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, global_clipnorm=1.0)
    variables = network.trainable_variables
    optimizer.build(variables)
    means = [tf.Variable(variable.value) for variable in variables]

    @tf.function(autograph=False, reduce_retracing=True)
    def step(batch: dict[str, tf.Tensor], target: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        known = tf.cast(~tf.math.is_nan(target), tf.float32)
        with tf.GradientTape() as tape:
            below = tf.where(known > 0, target, 0.0)[:, :, None] - network(batch, training=True)
            losses = tf.reduce_mean(tf.maximum(quantiles * below, (quantiles - 1.0) * below), axis=2)
            counted = known * weight[:, None]
            loss = tf.reduce_sum(losses * counted) / tf.maximum(tf.reduce_sum(counted), 1.0)
        gradients = tape.gradient(loss, variables)
        optimizer.apply(gradients, variables)
        for mean, variable in zip(means, variables, strict=True):
            mean.assign(AVERAGED * mean + (1.0 - AVERAGED) * variable.value)
        return loss

    random = np.random.default_rng(seed)
    count = len(windows.target)
    best = Learned(until or steps, np.inf, np.zeros(0))
    order = random.permutation(count)
    at = 0
    for number in range(1, (until or steps) + 1):
        if at + BATCH > count:
            order, at = random.permutation(count), 0
        rows = order[at : at + BATCH]
        at += BATCH
        rows = rows if len(rows) == BATCH else np.resize(rows, BATCH)
        batch = {name: tf.constant(values[rows]) for name, values in windows.inputs.items()}
        step(batch, tf.constant(windows.target[rows]), tf.constant(windows.weight[rows]))
        if judged is not None and number % max(steps // LOOKS, 1) == 0:
            said = said_with(network, means, judged)
            loss = float(np.nanmean(pinball(quantiles.numpy(), judged.target, said)))
            if loss < best.loss:
                best = Learned(number, loss, said)
    for mean, variable in zip(means, variables, strict=True):
        variable.assign(mean)
    return best


def said_with(network: keras.Model, means: list[tf.Variable], windows: Windows) -> np.ndarray:
    """`(windows, horizon, quantiles)` of a network with other weights, which are taken back."""
    kept = [variable.numpy() for variable in network.trainable_variables]
    for mean, variable in zip(means, network.trainable_variables, strict=True):
        variable.assign(mean)
    parts = []
    for start in range(0, len(windows.target), SCORED_AT_ONCE):
        batch = {
            name: tf.constant(values[start : start + SCORED_AT_ONCE])
            for name, values in windows.inputs.items()
        }
        parts.append(network(batch, training=False).numpy())
    for values, variable in zip(kept, network.trainable_variables, strict=True):
        variable.assign(values)
    return np.concatenate(parts)
