"""Arrow tables -> TFRecord files of tf.Examples, through tfx-bsl's C++ encoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from solutionkit.cells import sequence_shape, sequence_values, take_rows
from solutionkit.examples.audit import AuditedTable
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Files, kind_of
from solutionkit.kinds.date import date_texts
from solutionkit.splits import SPLITS

# benchmarks/ingestion: larger batches gain nothing and cost memory.
BATCH_ROWS = 50_000
# All of them are in memory then.
FILES_AT_ONCE = 256


def serialized_examples(table: pa.Table) -> Iterator[bytes]:
    """The tf.Example of each row; a null cell has no feature in it.

    Args:
        table: Columns of float64, int64, text or bytes.
    """
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    encoder = RecordBatchToExamplesEncoder()
    for batch in table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS):
        lists = [_as_lists(column) for column in batch.columns]
        yield from encoder.encode(pa.RecordBatch.from_arrays(lists, batch.schema.names))


def unlabelled_examples(table: pa.Table, spec: TableSpec) -> np.ndarray:
    """`(rows,)` serialized tf.Examples of rows without a label; one is parsed with them and not looked at."""
    labelled = table.append_column(spec.label, spec.task.no_labels(table.num_rows))
    return np.array(list(serialized_examples(labelled)), object)


def write_examples(tables: Iterable[pa.Table], file: Path) -> None:
    """Write tables' rows as tf.Examples to an uncompressed TFRecord file."""
    import tensorflow as tf

    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for table in tables:
            for example in serialized_examples(table):
                writer.write(example)


def with_files(table: pa.Table, spec: TableSpec, folder: Path | None) -> Iterator[pa.Table]:
    """The table in pieces in which the content of files stands in the place of their paths."""
    files = [feature for feature in spec.files if feature.name in table.column_names]
    if not files or folder is None:
        yield table
        return
    for start in range(0, table.num_rows, FILES_AT_ONCE):
        piece = table.slice(start, FILES_AT_ONCE)
        for feature in files:
            kind = kind_of(feature)
            assert isinstance(kind, Files)
            content = kind.load(folder, piece[feature.name].to_pylist())
            position = piece.column_names.index(feature.name)
            piece = piece.set_column(position, feature.name, pa.array(content, pa.large_binary()))
        yield piece


def _as_lists(column: pa.Array) -> pa.LargeListArray:
    """Each value as a list, as the encoder wants: of one, or a sequence's numbers; null stays a null list."""
    if sequence_shape(column.type) is not None:
        numbers = sequence_values(column).reshape(len(column), -1)
        offsets = pa.array(np.arange(len(numbers) + 1) * numbers.shape[1], pa.int64())
        return pa.LargeListArray.from_arrays(offsets, pa.array(numbers.reshape(-1)))
    if pa.types.is_timestamp(column.type):
        column = date_texts(column)
    value_type = column.type
    if pa.types.is_string(value_type):
        column, value_type = column.cast(pa.large_binary()), pa.large_binary()
    elif pa.types.is_floating(value_type):
        column, value_type = column.cast(pa.float32()), pa.float32()
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    offsets = pa.array([0, *valid.cumsum()], pa.int64())
    return pa.LargeListArray.from_arrays(offsets, column.drop_null(), mask=column.is_null())


def write_splits(audited: AuditedTable, folder: Path) -> None:
    """Write each split as `Split-<name>/data_tfrecord-00000-of-0000n`, as TFX lays Examples out.

    Each fold of the training rows has a file of its own, in order.
    """
    for name in SPLITS:
        rows = (audited.splits == name).nonzero()[0]
        folds = np.unique(audited.folds[rows])
        for shard, fold in enumerate(folds):
            chosen = rows[audited.folds[rows] == fold]
            pieces = with_files(take_rows(audited.table, chosen), audited.spec, audited.folder)
            write_examples(pieces, folder / f"Split-{name}" / f"data_tfrecord-{shard:05}-of-{len(folds):05}")
