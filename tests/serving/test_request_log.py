"""The request log on a disk that does not take what is written."""

import time
from collections import Counter
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import logging_config_pb2

from solutionserve import request_log
from solutionserve.request_log import RequestLog

FULL_DISK = Path("/dev/full")


def config(folder: Path) -> logging_config_pb2.LoggingConfig:
    made = logging_config_pb2.LoggingConfig()
    made.log_collector_config.filename_prefix = str(folder / "log")
    made.sampling_config.sampling_rate = 1.0
    return made


def record(number: int, size: int = 10) -> prediction_log_pb2.PredictionLog:
    made = prediction_log_pb2.PredictionLog()
    made.predict_log.request.model_spec.name = f"{number}" + " " * size
    return made


def numbers(file: Path) -> list[int]:
    read = (
        prediction_log_pb2.PredictionLog.FromString(item.numpy())
        for item in tf.data.TFRecordDataset(str(file))
    )
    return [int(item.predict_log.request.model_spec.name) for item in read]


@pytest.mark.skipif(not FULL_DISK.exists(), reason="needs /dev/full")
def test_a_full_disk_loses_what_it_did_not_take_and_counts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_log, "PAUSE_SECONDS", 0.3)
    counted: Counter[str] = Counter()
    log = RequestLog("m", config(tmp_path), lambda status: counted.update([status]))
    full = log.file
    full.symlink_to(FULL_DISK)
    for number in range(3):
        log.add(record(number))
    deadline = time.monotonic() + 20
    while counted["FAILED"] < 3:
        assert time.monotonic() < deadline, counted
        time.sleep(0.02)
    assert counted == {"FAILED": 3}
    time.sleep(0.4)
    for number in range(3, 6):
        log.add(record(number))
    log.close()
    assert counted == {"FAILED": 3, "OK": 3}
    assert log.file != full
    assert numbers(log.file) == [3, 4, 5]


def test_what_waits_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "WAITING_BYTES", 3_000_000)
    counted: Counter[str] = Counter()
    log = RequestLog("m", config(tmp_path), lambda status: counted.update([status]))
    for number in range(50):
        log.add(record(number, 1_000_000))
    log.close()
    assert counted["OK"] >= 2
    assert counted["DROPPED"] == 50 - counted["OK"]
    assert len(numbers(log.file)) == counted["OK"]
    assert log._waiting_bytes == 0
