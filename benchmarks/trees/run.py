"""What it takes to export a forest, by trees and columns: CPU seconds, memory, size, and its calls' latency.

    make setup && .venv/bin/python benchmarks/trees/run.py

Each case has a process of its own, so that its peak memory is its own. Columns are random; only the size
matters here. The export is the pipeline's own, with a stand-in for tf.Transform's graph, and its check with
TensorFlow 1's loader; "first call" is what a program waits for that loads the model.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from solutionkit.environment import prepare_environment
from solutionkit.tasks.classification.task import Classification

prepare_environment()

import keras  # noqa: E402
import lightgbm  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from solutionkit.examples.columns import TableSpec  # noqa: E402
from solutionkit.kinds import Feature  # noqa: E402
from solutionkit.models import export, gradient_boosting  # noqa: E402
from solutionkit.models.saved import SavedScorer  # noqa: E402
from solutionkit.models.trained import TrainedModel  # noqa: E402

# Trees, leaves, columns, classes.
CASES = (
    (300, 8, 20, 2),
    (1000, 31, 100, 2),
    (2600, 8, 100, 5),
    (2600, 8, 355, 2),
    (2600, 8, 355, 5),
)
ROWS, CALLS = 1000, {1: 200, 128: 20}
COLUMNS = "columns"

Result = TypeVar("Result")


class StandIn(keras.layers.Layer):
    """What `TFTransformOutput.transform_features_layer` gives, with nothing to transform."""

    def __init__(self) -> None:
        super().__init__()
        self.built = True

    def call(self, inputs: dict[str, Any]) -> dict[str, tf.Tensor]:
        """The columns as they are."""
        return dict(inputs)

    def transform_features_layer(self) -> StandIn:
        """Itself."""
        return self


def main() -> int:
    """Measure each case in a process of its own and print."""
    if len(sys.argv) > 1:
        print(case(*(int(size) for size in sys.argv[1:])))
        return 0
    print(f"{os.cpu_count()} cores, {platform.platform()}\n")
    timed = ["training", "table", "writing", "check", "first call"]
    print("| trees | leaves | columns | classes |", *(f"{name}, s |" for name in timed), end=" ")
    print("peak, MB | size, MB |", *(f"{rows} rows, ms |" for rows in CALLS))
    print("|" + "---:|" * (4 + len(timed) + 2 + len(CALLS)))
    for sizes in CASES:
        command = [sys.executable, __file__, *(str(size) for size in sizes)]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(found.splitlines()[-1], flush=True)
    return 0


def case(trees: int, leaves: int, columns: int, classes: int) -> str:
    """A row of the table."""
    random = np.random.default_rng(0)
    matrix = random.normal(size=(ROWS, columns)).astype(np.float32)
    signal = matrix[:, :20].sum(axis=1) + random.normal(size=ROWS)
    label = np.digitize(signal, np.quantile(signal, np.arange(1, classes) / classes))
    settings: dict[str, Any] = {"objective": "binary"}
    if classes > 2:
        settings = {"objective": "multiclass", "num_class": classes}
    settings |= {"num_leaves": leaves, "feature_fraction": 0.2, "max_bin": 31, "num_threads": 1, "seed": 0}
    data = lightgbm.Dataset(matrix.astype(np.float64), label, params={"max_bin": 31, "verbosity": -1})
    rounds = trees // (classes if classes > 2 else 1)
    booster, training = timed(lambda: lightgbm.train({**settings, "verbosity": -1}, data, rounds))
    scorer, table = timed(lambda: gradient_boosting.scorer(booster))
    names = tuple(str(number) for number in range(classes))
    spec = TableSpec(Classification("label", names), (Feature(COLUMNS, "sequence", shape=(columns, 1)),))

    def score(inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        return scorer(tf.cast(inputs[COLUMNS][..., 0], tf.float64))

    examples = serialized(matrix[:128])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trained = TrainedModel(score, np.zeros(0), lambda _: None, "")
        _, written = timed(lambda: export.export(trained, StandIn(), spec, examples[:64], folder))
        _, checked = timed(lambda: export.check_loads_like_tf_serving(folder, examples[:64]))
        saved, loading = timed(lambda: SavedScorer(folder))
        _, calling = timed(lambda: saved.score_examples(examples[:1]))
        size = export.model_size(folder)
        latency = [
            milliseconds(partial(saved.score_examples, examples[:rows]), calls)
            for rows, calls in CALLS.items()
        ]
    seconds = [training, table, written - checked, checked, loading + calling]
    cells = [f"{booster.num_trees():,}", str(leaves), str(columns), str(classes)]
    cells += [f"{value:.1f}" for value in seconds]
    cells += [f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f}", f"{size / 1e6:.1f}"]
    cells += [f"{value:.2f}" for value in latency]
    return f"| {' | '.join(cells)} |"


def serialized(matrix: np.ndarray) -> np.ndarray:
    """Rows as serialized tf.Examples."""
    features = [
        tf.train.Features(feature={COLUMNS: tf.train.Feature(float_list=tf.train.FloatList(value=row))})
        for row in matrix
    ]
    return np.array([tf.train.Example(features=item).SerializeToString() for item in features], object)


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What some work gives and its CPU seconds."""
    started = time.process_time()
    return work(), time.process_time() - started


def milliseconds(call: Callable[[], object], calls: int) -> float:
    """Median wall time of a call."""
    found = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return float(np.median(found)) * 1000


if __name__ == "__main__":
    sys.exit(main())
