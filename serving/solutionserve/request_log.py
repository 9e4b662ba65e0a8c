"""A sample of requests and answers as PredictionLog records, the form that warm-up reads."""

from __future__ import annotations

import os
import queue
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import logging_config_pb2

WAITING_RECORDS = 1000
FLUSH_SECONDS = 1.0


class RequestLog:
    """Writes a model's sampled requests on a thread of its own; when it falls behind, records are dropped.

    The file is `<filename_prefix>.<time>.<process>.tfrecord`.

    Args:
        config: Sampling rate and the files' prefix.
        counted: Called with `OK` or `DROPPED` for each record.
    """

    def __init__(
        self, config: logging_config_pb2.LoggingConfig, counted: Callable[[str], None] = lambda status: None
    ) -> None:
        self.config = config
        self._rate: float = config.sampling_config.sampling_rate
        self._counted = counted
        self._waiting: queue.Queue[bytes | None] = queue.Queue(WAITING_RECORDS)
        prefix = config.log_collector_config.filename_prefix
        self.file = Path(f"{prefix}.{time.strftime('%Y%m%d-%H%M%S')}.{os.getpid()}.tfrecord")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._write, name="request log", daemon=True)
        self._thread.start()

    def sampled(self) -> bool:
        """Whether to log the present request."""
        return random.random() < self._rate

    def add(self, record: prediction_log_pb2.PredictionLog) -> None:
        """Hand a record to the writer, or drop it."""
        record.log_metadata.sampling_config.sampling_rate = self._rate
        record.log_metadata.timestamp_secs = int(time.time())
        try:
            self._waiting.put_nowait(record.SerializeToString())
            self._counted("OK")
        except queue.Full:
            self._counted("DROPPED")

    def close(self) -> None:
        """Write what waits, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        with tf.io.TFRecordWriter(str(self.file)) as writer:
            flushed = time.monotonic()
            while True:
                try:
                    record = self._waiting.get(timeout=FLUSH_SECONDS)
                except queue.Empty:
                    writer.flush()
                    continue
                if record is None:
                    return
                writer.write(record)
                if time.monotonic() - flushed > FLUSH_SECONDS:
                    writer.flush()
                    flushed = time.monotonic()
