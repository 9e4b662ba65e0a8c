"""The baseline of series: one LightGBM for all of them, directly for every step ahead, a forest a quantile.

Each row is a window and a step ahead; what is learned is the value in the unit of the series' level, or what
the Theta method leaves of it, whichever forecasts held-out windows better. The median's forest is stopped by
held-out windows and then fitted again on all, those among them; the other quantiles' have as many trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.booster_text import off_the_grid, without_rounding_noise
from solutionkit.models.gradient_boosting import scorer
from solutionkit.models.series.explaining import EXPLAINER, save_background
from solutionkit.models.series.finish import Scaled, finished, in_unit, moved
from solutionkit.models.series.inputs import Layout, by_fold, scaled_targets, weights_of
from solutionkit.models.series.lags import categorical_places, feature_names, features
from solutionkit.models.trained import TrainedModel
from solutionkit.progress import Progress

# Windows times steps ahead that are learned from.
MOST_ROWS, QUICK_ROWS = 400_000, 60_000
MOST_VALIDATED = 100_000
MOST_TREES, QUICK_TREES, PATIENCE = 500, 120, 30
BINS = 127
THETA = "Theta"
FEATURES_AT_ONCE = 1024
# Below this, threads gain little, and on a busy machine they spin and starve each other.
ROWS_FOR_THREADS = 100_000


@dataclass(frozen=True)
class Settings:
    """What competes.

    Attributes:
        leaves: Of a tree, at most.
        anchored: Whether what the Theta method leaves is learned.
        rows_in_leaf: The fewest.
        learning_rate: Of each tree.
        column_share: Columns drawn for each tree.
    """

    leaves: int = 31
    anchored: bool = False
    rows_in_leaf: int = 40
    learning_rate: float = 0.06
    column_share: float = 0.5


COMPETING = (
    Settings(),
    Settings(anchored=True),
    Settings(leaves=8, anchored=True, rows_in_leaf=100),
)
QUICK = (Settings(learning_rate=0.1), Settings(learning_rate=0.1, anchored=True))


@dataclass(frozen=True)
class Rows:
    """What trees learn from.

    Attributes:
        values: `(rows, features)` float32.
        target: `(rows,)` in the unit of the level.
        weight: `(rows,)`.
    """

    values: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        """All of them."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__annotations__))


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the baseline.

    Args:
        train: Windows to fit; those of fold 2 only once the size is chosen.
        validation: Windows that choose the size.
        spec: What the columns are.
        training: Its seed and preset.
    """
    layout = Layout.of(spec)
    most = int(MOST_ROWS * training.leisure) if training.by_folds else QUICK_ROWS
    fitted, late = by_fold(train)
    to_fit = drawn(fitted, layout, most, training.seed)
    judged = drawn(validation, layout, MOST_VALIDATED, training.seed)
    median = layout.task.median
    quantiles = layout.task.quantiles
    competing, most_trees = (COMPETING, MOST_TREES) if training.by_folds else (QUICK, QUICK_TREES)
    progress = Progress(len(competing) + 2 * len(quantiles))
    trials: dict[Settings, tuple[float, int]] = {}
    binned = Binned.of(to_fit, layout)
    for settings in competing:
        booster = fit(binned, judged, layout, settings, training, quantiles[median], most_trees)
        trials[settings] = (booster.best_score["validation"]["quantile"], booster.best_iteration)
        progress.step()
    chosen = min(trials, key=lambda item: trials[item][0])
    trees = max(trials[chosen][1], 10)

    def forests(rows: Binned) -> list[lightgbm.Booster]:
        made = []
        for quantile in quantiles:
            made.append(fit(rows, None, layout, chosen, training, quantile, trees))
            progress.step()
        return made

    first = forests(binned)
    said = said_by(first, validation, layout, chosen)
    shifts, told = moved(said, validation, layout)
    newest = [drawn(part, layout, most // 4, training.seed) for part in (late, validation) if len(part)]
    both = Rows.joined([to_fit, *newest])
    final = forests(Binned.of(both, layout))
    scaled = exported(final, layout, chosen)
    facts: dict[str, Any] = {
        "algorithm": "LightGBM, a forest a quantile",
        "trees": trees * len(quantiles),
        "leaves": chosen.leaves,
        "learns": "what the Theta method leaves" if chosen.anchored else "the share of the level",
        "conformal": told,
        "rows": len(both.target),
    }
    return TrainedModel(
        finished(scaled, shifts, layout),
        in_unit(said, shifts, validation, layout),
        lambda folder: save_background(folder, train, training.seed),
        EXPLAINER,
        facts,
    )


def drawn(windows: TransformedSplit, layout: Layout, most: int, seed: int) -> Rows:
    """At most so many rows of windows: fewer windows, and of each the fewer steps the longer the horizon.

    Args:
        windows: Where they are drawn from.
        layout: What these hold.
        most: Rows.
        seed: Of the draw.
    """
    random = np.random.default_rng(seed)
    share = min(most / (len(windows) * layout.horizon), 1.0)
    steps = max(int(np.ceil(layout.horizon * np.sqrt(share))), 1)
    count = min(len(windows), max(most // steps, 1))
    windows = windows.take(np.sort(random.permutation(len(windows))[:count]))
    target, spread = scaled_targets(windows, layout)
    chosen = np.argsort(random.random(target.shape), axis=1)[:, :steps]
    parts, start = [], 0
    for batch in windows.batches(FEATURES_AT_ONCE):
        values = tf.gather(features(batch, layout), chosen[start : start + FEATURES_AT_ONCE], batch_dims=1)
        parts.append(values.numpy())
        start += FEATURES_AT_ONCE
    values = np.concatenate(parts).reshape(-1, len(feature_names(layout)))
    target = np.take_along_axis(target, chosen, axis=1)
    weight = np.repeat(weights_of(spread), target.shape[1])
    known = ~np.isnan(target.reshape(-1))
    return Rows(values[known], target.reshape(-1)[known], weight[known])


@dataclass(frozen=True)
class Binned:
    """Rows whose columns are cut into bins, once for all forests that learn from them.

    Attributes:
        rows: The rows.
        values: `(rows, features)` float64 without rounding noise, see `booster_text`.
        dataset: LightGBM's.
    """

    rows: Rows
    values: np.ndarray
    dataset: lightgbm.Dataset

    @classmethod
    def of(cls, rows: Rows, layout: Layout) -> Binned:
        """Cut them."""
        values = np.array(rows.values, np.float64)
        for column in set(range(values.shape[1])) - set(categorical_places(layout)):
            values[:, column] = without_rounding_noise(values[:, column])
        return cls(rows, values, _dataset(values, rows, layout).construct())


def fit(
    binned: Binned,
    judged: Rows | None,
    layout: Layout,
    settings: Settings,
    training: Training,
    quantile: float,
    trees: int,
) -> lightgbm.Booster:
    """A forest of one quantile.

    Args:
        binned: What it learns from.
        judged: What stops it; without it there are so many trees.
        layout: What windows hold.
        settings: Its size.
        training: Its seed.
        quantile: Between 0 and 1.
        trees: The most.
    """
    parameters = {
        "objective": "quantile",
        "alpha": quantile,
        "metric": "quantile",
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.rows_in_leaf,
        "feature_fraction": settings.column_share,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "max_bin": BINS,
        "feature_pre_filter": False,
        "seed": training.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if len(binned.rows.target) < ROWS_FOR_THREADS else 0,
        "verbosity": -1,
    }
    binned.dataset.set_label(learned_target(binned.rows, layout, settings))
    if judged is None:
        booster = lightgbm.train(parameters, binned.dataset, trees)
        return lightgbm.Booster(model_str=off_the_grid(booster.model_to_string(), binned.values))
    valid = _dataset(np.array(judged.values, np.float64), judged, layout, binned.dataset)
    valid.set_label(learned_target(judged, layout, settings))
    return lightgbm.train(
        parameters,
        binned.dataset,
        trees,
        valid_sets=[valid],
        valid_names=["validation"],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )


def learned_target(rows: Rows, layout: Layout, settings: Settings) -> np.ndarray:
    """`(rows,)` what trees learn: the target, or what the Theta method leaves of it."""
    if not settings.anchored:
        return rows.target
    left: np.ndarray = rows.target - rows.values[:, feature_names(layout).index(THETA)]
    return left


def _dataset(
    values: np.ndarray, rows: Rows, layout: Layout, reference: lightgbm.Dataset | None = None
) -> lightgbm.Dataset:
    return lightgbm.Dataset(
        values,
        rows.target,
        weight=rows.weight,
        feature_name=[f"column_{place}" for place in range(values.shape[1])],
        categorical_feature=categorical_places(layout),
        reference=reference,
        params={"verbosity": -1, "max_bin": BINS, "feature_pre_filter": False},
        free_raw_data=False,
    )


def said_by(
    forests: list[lightgbm.Booster], windows: TransformedSplit, layout: Layout, settings: Settings
) -> np.ndarray:
    """`(windows, horizon, quantiles)` without their unit.

    Args:
        forests: One a quantile.
        windows: What they are asked of.
        layout: What these hold.
        settings: Whether the Theta method is added.
    """
    parts = []
    for batch in windows.batches(FEATURES_AT_ONCE):
        values = features(batch, layout).numpy()
        flat = values.reshape(-1, values.shape[2]).astype(np.float64)
        said = np.stack([forest.predict(flat) for forest in forests], axis=1)
        said = said.reshape(*values.shape[:2], len(forests))
        if settings.anchored:
            said += values[:, :, feature_names(layout).index(THETA)][:, :, None]
        parts.append(said)
    return np.concatenate(parts)


def exported(forests: list[lightgbm.Booster], layout: Layout, settings: Settings) -> Scaled:
    """The forests as TensorFlow ops, see `said_by`."""
    scorers = [scorer(forest) for forest in forests]
    place = feature_names(layout).index(THETA)

    def scaled(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        values = features(columns, layout)
        flat = tf.reshape(tf.cast(values, tf.float64), [-1, values.shape[2]])
        said = tf.concat([score(flat) for score in scorers], axis=1)
        said = tf.reshape(said, [-1, layout.horizon, len(scorers)])
        return said + values[:, :, place : place + 1] if settings.anchored else said

    return scaled
