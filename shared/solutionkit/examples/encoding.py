"""Arrow tables -> TFRecord files of tf.Examples, through tfx-bsl's C++ encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from solutionkit.examples.audit import AuditedTable
from solutionkit.examples.splitting import SPLITS

# benchmarks/ingestion: larger batches gain nothing and cost memory.
BATCH_ROWS = 50_000


def serialized_examples(table: pa.Table) -> Iterator[bytes]:
    """The tf.Example of each row; a null cell has no feature in it.

    Args:
        table: Columns of float64, int64 or text.
    """
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    encoder = RecordBatchToExamplesEncoder()
    for batch in table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS):
        lists = [_as_lists(column) for column in batch.columns]
        yield from encoder.encode(pa.RecordBatch.from_arrays(lists, batch.schema.names))


def write_examples(table: pa.Table, file: Path) -> None:
    """Write a table's rows as tf.Examples to an uncompressed TFRecord file."""
    import tensorflow as tf

    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for example in serialized_examples(table):
            writer.write(example)


def _as_lists(column: pa.Array) -> pa.LargeListArray:
    """Each value as a list of one, as the encoder wants; null stays a null list."""
    value_type = column.type
    if pa.types.is_string(value_type):
        column, value_type = column.cast(pa.large_binary()), pa.large_binary()
    elif pa.types.is_floating(value_type):
        column, value_type = column.cast(pa.float32()), pa.float32()
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    offsets = pa.array([0, *valid.cumsum()], pa.int64())
    return pa.LargeListArray.from_arrays(offsets, column.drop_null(), mask=column.is_null())


def write_splits(audited: AuditedTable, folder: Path) -> None:
    """Write each split as `Split-<name>/data_tfrecord-00000-of-00001`, as TFX lays Examples out."""
    for name in SPLITS:
        rows = (audited.splits == name).nonzero()[0]
        write_examples(audited.table.take(rows), folder / f"Split-{name}" / "data_tfrecord-00000-of-00001")
