from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.examples.encoding import BATCH_ROWS, serialized_examples, write_examples

TABLE = pa.table({"size": [1.5, None, -3.0], "colour": ["rot", "grün", None], "y": [0, 1, 0]})


def test_cells_become_features_and_null_becomes_none() -> None:
    examples = [tf.train.Example.FromString(item) for item in serialized_examples(TABLE)]
    first, second, third = (example.features.feature for example in examples)
    assert list(first["size"].float_list.value) == [1.5]
    assert list(second["size"].float_list.value) == []
    assert list(second["colour"].bytes_list.value) == ["grün".encode()]
    assert list(third["colour"].bytes_list.value) == []
    assert [list(item["y"].int64_list.value) for item in (first, second, third)] == [[0], [1], [0]]


def test_many_batches_keep_their_order(tmp_path: Path) -> None:
    rows = BATCH_ROWS + 7
    file = tmp_path / "Split-train" / "data_tfrecord-00000-of-00001"
    write_examples([pa.table({"y": np.arange(rows)})], file)
    records = tf.data.TFRecordDataset(str(file)).batch(rows)
    parsed = tf.io.parse_example(next(iter(records)), {"y": tf.io.FixedLenFeature([], tf.int64)})
    assert (parsed["y"].numpy() == np.arange(rows)).all()
