from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.examples.audit import AuditedTable
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.encoding import BATCH_ROWS, serialized_examples, write_examples, write_splits
from solutionkit.kinds import Feature
from solutionkit.models.arrays import read_folds
from solutionkit.tasks.classification.task import Classification

TABLE = pa.table({"size": [1.5, None, -3.0], "colour": ["rot", "grün", None], "y": [0, 1, 0]})


def test_cells_become_features_and_null_becomes_none() -> None:
    examples = [tf.train.Example.FromString(item) for item in serialized_examples(TABLE)]
    first, second, third = (example.features.feature for example in examples)
    assert list(first["size"].float_list.value) == [1.5]
    assert list(second["size"].float_list.value) == []
    assert list(second["colour"].bytes_list.value) == ["grün".encode()]
    assert list(third["colour"].bytes_list.value) == []
    assert [list(item["y"].int64_list.value) for item in (first, second, third)] == [[0], [1], [0]]


def test_a_sequence_keeps_its_numbers_in_order() -> None:
    steps = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(12, dtype=np.float32)), 2)
    table = pa.table({"recent": pa.FixedSizeListArray.from_arrays(steps, 3), "y": [0, 1]})
    examples = [tf.train.Example.FromString(item) for item in serialized_examples(table)]
    found = [list(example.features.feature["recent"].float_list.value) for example in examples]
    assert found == [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]]
    # A slice begins where it begins.
    last = tf.train.Example.FromString(next(serialized_examples(table.slice(1))))
    assert list(last.features.feature["recent"].float_list.value) == found[1]


def test_many_batches_keep_their_order(tmp_path: Path) -> None:
    rows = BATCH_ROWS + 7
    file = tmp_path / "Split-train" / "data_tfrecord-00000-of-00001"
    write_examples([pa.table({"y": np.arange(rows)})], file)
    records = tf.data.TFRecordDataset(str(file)).batch(rows)
    parsed = tf.io.parse_example(next(iter(records)), {"y": tf.io.FixedLenFeature([], tf.int64)})
    assert (parsed["y"].numpy() == np.arange(rows)).all()


def test_each_fold_has_a_file_of_its_own(tmp_path: Path) -> None:
    spec = TableSpec(Classification("y", ("0", "1")), (Feature("x", "numeric"),))
    splits = np.array(["train", "eval", "train", "validation", "train"], object)
    folds = np.array([2, -1, 1, 0, 2])
    table = pa.table({"x": np.arange(5.0), "y": np.zeros(5, np.int64)})
    write_splits(AuditedTable(table, splits, folds, spec, "", "", False), tmp_path)
    assert len(list((tmp_path / "Split-validation").iterdir())) == 1
    serialized, read = read_folds([str(tmp_path / "Split-train" / "*")])
    values = [
        tf.train.Example.FromString(item).features.feature["x"].float_list.value[0] for item in serialized
    ]
    assert (values, read.tolist()) == ([2.0, 0.0, 4.0], [1, 2, 2])
