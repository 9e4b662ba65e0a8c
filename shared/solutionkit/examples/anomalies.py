"""What TFX's ExampleValidator found, as one readable list."""

from __future__ import annotations

from pathlib import Path

from tensorflow_metadata.proto.v0 import anomalies_pb2

from solutionkit.errors import DataError, Problem


def raise_for_anomalies(folder: Path) -> None:
    """Stop if any split has anomalies.

    Args:
        folder: An ExampleAnomalies artifact, `Split-<name>/SchemaDiff.pb` within.

    Raises:
        DataError: With one sentence for each anomaly.
    """
    problems = []
    for file in sorted(folder.glob("Split-*/SchemaDiff.pb")):
        anomalies = anomalies_pb2.Anomalies.FromString(file.read_bytes())
        split = file.parent.name.removeprefix("Split-")
        for name, anomaly in sorted(anomalies.anomaly_info.items()):
            message = f"the column '{name}' of the {split} rows: {anomaly.description.strip()}"
            problems.append(Problem("anomaly", message, column=name))
        if anomalies.HasField("dataset_anomaly_info"):
            message = f"the {split} rows: {anomalies.dataset_anomaly_info.description.strip()}"
            problems.append(Problem("anomaly", message))
    if problems:
        raise DataError("ExampleValidator", problems)
