from pathlib import Path

import numpy as np
import pyarrow as pa

from solutionkit.examples.columns import TableSpec
from solutionkit.examples.encoding import serialized_examples, write_examples
from solutionkit.kinds import Feature
from solutionkit.models.arrays import TransformedSplit, parse_columns, read_folds, read_serialized
from solutionkit.tasks.classification.task import Classification

SPLIT = TransformedSplit({"numeric": np.arange(6.0).reshape(3, 2)}, np.array([0, 1, 1]), np.array([1, 2, 1]))


def test_rows_are_taken_with_their_folds() -> None:
    taken = SPLIT.take(np.array([True, False, True]))
    assert (taken.label.tolist(), taken.fold.tolist()) == ([0, 1], [1, 1])  # type: ignore[union-attr]
    assert taken.of("numeric").tolist() == [[0.0, 1.0], [4.0, 5.0]]
    assert taken.of("categorical").shape == (2, 0)


def test_validation_rows_are_fold_nought() -> None:
    validation = TransformedSplit({"numeric": np.ones((2, 2))}, np.array([0, 0]), np.array([5, 5]))
    both = SPLIT.joined(validation)
    assert both.fold is not None
    assert both.fold.tolist() == [1, 2, 1, 0, 0]
    assert both.of("numeric").shape == (5, 2)
    without = TransformedSplit(SPLIT.inputs, SPLIT.label).joined(validation)
    assert without.fold is not None
    assert without.fold.tolist() == [1, 1, 1, 0, 0]


def test_batches_hold_all_rows_in_order() -> None:
    pieces = [batch["numeric"].numpy() for batch in SPLIT.batches(2)]
    assert [len(piece) for piece in pieces] == [2, 1]
    assert np.array_equal(np.concatenate(pieces), SPLIT.inputs["numeric"])


def test_files_are_read_in_order_and_count_as_folds(tmp_path: Path) -> None:
    for shard, count in enumerate((2, 1)):
        write_examples([pa.table({"y": np.full(count, shard)})], tmp_path / f"data-{shard:05}")
    serialized, folds = read_folds([str(tmp_path / "*")])
    assert folds.tolist() == [1, 1, 2]
    assert np.array_equal(serialized, read_serialized([str(tmp_path / "*")]))
    none, no_folds = read_folds([str(tmp_path / "nothing*")])
    assert (len(none), len(no_folds)) == (0, 0)


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
    columns = parse_columns(serialized, SPEC, ["id", "y", "city", "age"])
    assert columns["id"].tolist() == ["a", "ü"]
    assert columns["y"].tolist() == [1, 0]
    assert columns["city"].tolist() == ["Ulm", ""]
    assert columns["age"][0] == 30.0
    assert np.isnan(columns["age"][1])


def test_no_columns_are_asked_for_where_none_are_carried() -> None:
    assert parse_columns(np.array([b""], object), SPEC, []) == {}


def test_further_labels_go_along_with_their_rows() -> None:
    further = np.array([[0, -1], [1, 2], [-1, 0]])
    rows = TransformedSplit(SPLIT.inputs, SPLIT.label, SPLIT.fold, further)
    np.testing.assert_array_equal(rows.labels, np.concatenate([SPLIT.label[:, None], further], axis=1))
    np.testing.assert_array_equal(rows.take(np.array([2, 0])).further, further[[2, 0]])
    np.testing.assert_array_equal(rows.joined(rows.take(slice(1))).further, further[[0, 1, 2, 0]])
    assert SPLIT.labels.shape == (3, 1)
    assert SPLIT.joined(SPLIT).further is None
