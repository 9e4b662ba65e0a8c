from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from solutionkit.errors import DataError
from solutionkit.examples.anomalies import raise_for_anomalies


def write(folder: Path, split: str, found: anomalies_pb2.Anomalies) -> None:
    (folder / f"Split-{split}").mkdir()
    (folder / f"Split-{split}" / "SchemaDiff.pb").write_bytes(found.SerializeToString())


def test_nothing_found(tmp_path: Path) -> None:
    write(tmp_path, "train", anomalies_pb2.Anomalies())
    raise_for_anomalies(tmp_path)


def test_all_splits_in_one_list(tmp_path: Path) -> None:
    for split, column in (("train", "size"), ("eval", "colour")):
        found = anomalies_pb2.Anomalies()
        found.anomaly_info[column].description = "Unexpected values."
        write(tmp_path, split, found)
    with pytest.raises(DataError) as error:
        raise_for_anomalies(tmp_path)
    assert [str(item) for item in error.value.problems] == [
        "the column 'colour' of the eval rows: Unexpected values.",
        "the column 'size' of the train rows: Unexpected values.",
    ]
