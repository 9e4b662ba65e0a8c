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
from solutionkit.models.run import VALIDATION_FILE
from solutionkit.tasks.classification.task import Classification

TASK = Classification("y", ("no", "yes"))
SPEC = TableSpec(TASK, (Feature("age", "numeric"), Feature("city", "categorical", ("Ulm",))), "id")
ROWS = pa.table(
    {
        "age": pa.array([30.0, None]),
        "city": pa.array(["Ulm", None]),
        "id": pa.array(["a", "ü"]),
        "y": pa.array([1, 0]),
    }
)


def test_columns_come_back_as_they_went_in() -> None:
    serialized = np.array(list(serialized_examples(ROWS)), object)
    columns = exported.parse_columns(serialized, SPEC, ["id", "y", "city", "age"])
    assert columns["id"].tolist() == ["a", "ü"]
    assert columns["y"].tolist() == [1, 0]
    assert columns["city"].tolist() == ["Ulm", ""]
    assert columns["age"][0] == 30.0
    assert np.isnan(columns["age"][1])


def test_no_columns_are_asked_for_where_none_are_carried() -> None:
    assert exported.parse_columns(np.array([b""], object), SPEC, []) == {}


def test_rows_are_counted_over_all_files(tmp_path: Path) -> None:
    write_examples([ROWS, ROWS], tmp_path / "first")
    write_examples([ROWS], tmp_path / "second")
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


def test_thresholds_come_from_all_training_rows_where_both_models_have_folds(tmp_path: Path) -> None:
    common = {"labels": np.array([1, 0]), "train_labels": np.array([0, 0, 1])}
    common["train_folds"] = np.array([1, 2, 2])
    scores = {"scores": np.array([[0.9], [0.1]]), "train_scores": np.array([[0.2], [0.3], [0.7]])}
    for name in ("baseline", "deep"):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / VALIDATION_FILE, **common, **scores)
    folders = {name: tmp_path / name for name in ("baseline", "deep")}
    both = exported.read_held_out(folders)
    assert both.splits == ("train", "validation")
    assert both.labels.tolist() == [0, 0, 1, 1, 0]
    assert both.folds is not None
    assert both.folds.tolist() == [1, 2, 2, 0, 0]
    assert both.scores["deep"][:, 0].tolist() == [0.2, 0.3, 0.7, 0.9, 0.1]
    # Of a large table fewer rows are held out from the network.
    fewer = {**scores, "train_scores": np.array([[np.nan], [0.3], [0.7]])}
    np.savez(tmp_path / "deep" / VALIDATION_FILE, **common, **fewer)
    some = exported.read_held_out(folders)
    assert (some.kept.tolist(), some.labels.tolist()) == ([False, True, True, True, True], [0, 1, 1, 0])
    assert some.scores["baseline"][:, 0].tolist() == [0.3, 0.7, 0.9, 0.1]
    np.savez(tmp_path / "deep" / VALIDATION_FILE, **common, scores=scores["scores"])
    one = exported.read_held_out(folders)
    assert one.folds is None
    assert (one.splits, one.labels.tolist()) == (("validation",), [1, 0])
    assert one.scores["baseline"][:, 0].tolist() == [0.9, 0.1]


def test_trainings_that_all_models_repeated_are_read(tmp_path: Path) -> None:
    for name, count in (("baseline", 2), ("deep", 1)):
        for number in range(1, count + 1):
            (tmp_path / name / f"repeat-{number:02}").mkdir(parents=True)
    found = exported.read_repeats({name: tmp_path / name for name in ("baseline", "deep")})
    assert found == [{name: tmp_path / name / "repeat-01" for name in ("baseline", "deep")}]


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
