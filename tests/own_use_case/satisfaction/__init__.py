"""How satisfied is a guest, by a grade from 1 to 5? A use case with a task and a network of its own."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from solutionkit.cells import as_text
from solutionkit.compare.metrics import Metric
from solutionkit.errors import Problem
from solutionkit.explain.attribution import Attribution
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.explanation_files import load_background, save_background
from solutionkit.models.trained import TrainedModel
from solutionkit.tasks.regression.metrics import VALUE_VIEW
from solutionkit.tasks.regression.task import Regression
from solutionkit.tasks.words import Words
from solutionkit.use_case import TABLES, UseCase

GRADES = ("bad", "poor", "fair", "good", "excellent")


def quadratic_kappa(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Agreement beyond chance; a grade further off counts by its square (J. Cohen, 1968)."""
    said = np.clip(np.round(predictions), 0, len(GRADES) - 1).astype(int)
    grades = np.arange(len(GRADES))
    cost = (grades[:, None] - grades) ** 2
    true, told = labels[:, None] == grades, said[:, None] == grades
    observed = weights @ ((labels - said) ** 2)
    marginals = (weights @ true)[:, :, None] * (weights @ told)[:, None, :]
    expected = (marginals * cost).sum(axis=(1, 2)) / weights.sum(axis=1)
    found: np.ndarray = 1.0 - observed / expected
    return found


KAPPA = Metric("quadratic_kappa", "Quadratic kappa", quadratic_kappa, True, VALUE_VIEW)


@dataclass(frozen=True)
class Ordinal(Regression):
    """One of some grades, in their order."""

    name: ClassVar[str] = "ordinal"
    output: ClassVar[str] = "grade"

    @classmethod
    def find(cls, values, declaration):
        unknown = set(pc.unique(as_text(values).drop_null()).to_pylist()) - set(GRADES)
        label = declaration.columns.label
        if unknown:
            return None, [Problem("unknown_label", f"no grades: {sorted(unknown)}", column=label)]
        if len(pc.unique(values)) < 2:
            return None, [Problem("one_class", f"the label '{label}' has one grade alone", column=label)]
        return cls(label), []

    def encode(self, values):
        return pc.index_in(as_text(values), pa.array(GRADES)).cast(pa.float64()), []

    def metrics(self, false_alarm_rate=None, calibrated=True) -> dict[str, Metric]:
        return {KAPPA.name: KAPPA, **super().metrics()}

    def frame(self, outputs: np.ndarray) -> dict[str, pa.Array]:
        said = np.clip(np.round(outputs[:, 0]), 0, len(GRADES) - 1).astype(int)
        return {"grade": pa.array([GRADES[i] for i in said]), "expected": pa.array(outputs[:, 0])}

    def told(self, label: Any) -> str:
        return GRADES[int(label)]

    def words(self, label: str, calibrated: bool) -> Words:
        return replace(super().words(label, calibrated), answer=f'the expected "{label}"')


def columns_of(inputs: dict[str, Any]) -> tf.Tensor:
    """Numbers, nothing for missing ones, and categories as ids."""
    numeric = tf.cast(inputs["numeric"], tf.float32)
    return tf.concat(
        [
            tf.where(tf.math.is_nan(numeric), tf.zeros_like(numeric), numeric),
            tf.cast(inputs["categorical"], tf.float32),
        ],
        axis=1,
    )


def train(train: TransformedSplit, validation: TransformedSplit, spec, training) -> TrainedModel:
    """A network of one layer, so that its SHAP values are known in closed form."""
    keras.utils.set_random_seed(training.seed)
    rows = columns_of(train.inputs)
    scale = keras.layers.Normalization()
    scale.adapt(rows)
    dense = keras.layers.Dense(1, name="linear")
    network = keras.Sequential([keras.Input(rows.shape[1:]), scale, dense])
    network.compile(keras.optimizers.Adam(0.05), "mse")
    network.fit(rows, train.label, batch_size=256, epochs=training.epochs or 30, verbose=0)

    def save(folder: Path) -> None:
        network.save(folder / "network.keras")
        save_background(folder, train.take(np.arange(100)).inputs)

    return TrainedModel(
        lambda inputs: network(columns_of(inputs)),
        network(columns_of(validation.inputs)).numpy(),
        save,
        "satisfaction:Linear",
        {"algorithm": "One layer", "parameters": network.count_params()},
        [network],
    )


class Linear:
    """Each column's effect: its weight times its distance from the mean."""

    method = "weights of a linear model"

    def __init__(self, folder: Path, spec) -> None:
        network = keras.models.load_model(folder / "network.keras")
        self._scale, self._weights = network.layers[0], network.get_layer("linear").get_weights()
        self._mean = self._scale(columns_of(load_background(folder))).numpy().mean(axis=0)

    def explain(self, rows: TransformedSplit, targets: np.ndarray) -> Attribution:
        weight, bias = self._weights
        columns = self._scale(columns_of(rows.inputs)).numpy()
        base = np.full(len(rows), self._mean @ weight[:, 0] + bias[0])
        return Attribution((columns - self._mean) * weight[:, 0], base, columns @ weight[:, 0] + bias[0])


def sample(rows: int, seed: int) -> pa.Table:
    """Guests who dislike waiting and noise; the room's number says nothing."""
    random = np.random.default_rng(seed)
    wait, noise = random.gamma(2.0, 10.0, rows).round(1), random.normal(50, 8, rows).round(1)
    season = random.choice(["summer", "winter"], rows)
    liking = 3.2 - 0.05 * wait - 0.06 * (noise - 50) + random.normal(0, 0.5, rows)
    grade = np.clip(np.round(liking), 0, 4).astype(int)
    return pa.table(
        {
            "wait_minutes": wait,
            "noise_db": noise,
            "room": random.integers(1, 400, rows).astype(float),
            "season": season,
            "grade": [GRADES[i] for i in grade],
        }
    )


USE_CASE = UseCase(
    name="satisfaction",
    title="Guest satisfaction",
    question="Which guests should be called before they write a review?",
    row="guest",
    primary_metric="quadratic_kappa",
    sample=sample,
    drivers=("wait_minutes", "noise_db"),
    irrelevant=("room",),
    modality=replace(TABLES, deep="satisfaction:train"),
    task=Ordinal,
)
