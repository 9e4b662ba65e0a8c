"""What the comparison reads of exported models and of the Evaluator."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from solutionkit.compare import exported
from solutionkit.compare.metrics import Metric
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.encoding import serialized_examples, write_examples
from solutionkit.kinds import Feature
from solutionkit.tasks.classification.task import Classification

TASK = Classification("y", ("no", "yes"))
SPEC = TableSpec(TASK, (Feature("age", "numeric"), Feature("city", "categorical", ("Ulm",))), "id")


def test_rows_are_counted_over_all_files(tmp_path: Path) -> None:
    rows = pa.table({"y": [1, 0]})
    write_examples([rows, rows], tmp_path / "first")
    write_examples([rows], tmp_path / "second")
    assert exported.count_rows(tmp_path) == 6


def message(sliced: bool, **values: float) -> bytes:
    item = metrics_for_slice_pb2.MetricsForSlice()
    if sliced:
        item.slice_key.single_slice_keys.add(column="city", bytes_value=b"Ulm")
    for name, value in values.items():
        entry = item.metric_keys_and_values.add()
        entry.key.name, entry.key.model_name = "auc", name
        entry.value.double_value.value = value
    return item.SerializeToString()


def test_the_evaluators_opinion_is_of_all_rows(tmp_path: Path) -> None:
    with tf.io.TFRecordWriter(str(tmp_path / "metrics-00000")) as writer:
        writer.write(message(sliced=True, baseline=0.1, deep=0.2))
        writer.write(message(sliced=False, baseline=0.7, deep=0.8))
    metrics: dict[str, Metric] = TASK.metrics()
    assert exported.second_opinion(tmp_path, metrics) == {"roc_auc": {"baseline": 0.7, "deep": 0.8}}


def test_copies_of_a_row_are_one_unit() -> None:
    random = np.random.default_rng(0)
    plain = {
        "age": random.normal(size=150),
        "city": random.choice(["Ulm", "Bonn", "Kiel"], 150),
        "id": [str(i) for i in range(150)],
        "y": [0, 1] * 75,
    }
    table = pa.table(plain)
    alone = np.array(list(serialized_examples(table)), object)
    assert exported.copied_rows(alone, SPEC) is None
    tripled = np.concatenate([alone, alone, alone])
    codes = exported.copied_rows(tripled, SPEC)
    assert codes is not None
    assert len(np.unique(codes)) == 150
    assert (codes[:150] == codes[150:300]).all()
    # One pair among many rows widens no interval.
    assert exported.copied_rows(np.concatenate([alone, alone[:1]]), SPEC) is None
