"""A sample of requests and answers as PredictionLog records, the form that warm-up reads."""

from __future__ import annotations

import contextlib
import itertools
import logging
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

from solutionserve.errors import Code, ServingError

WAITING_RECORDS = 1000
FLUSH_SECONDS = 1.0
POLL_SECONDS = 0.2
NUMBERS = itertools.count()
log = logging.getLogger("solutionserve")


class RequestLog:
    """Writes a model's sampled requests on a thread of its own; when it falls behind, records are dropped.

    The file is `<filename_prefix>.<model>.<time>.<process>-<number>.tfrecord`.

    Args:
        model: The model's name.
        config: Sampling rate and the files' prefix.
        counted: Called with `OK`, `DROPPED` or `FAILED` for each record.

    Raises:
        ServingError: The folder cannot be made.
    """

    def __init__(
        self,
        model: str,
        config: logging_config_pb2.LoggingConfig,
        counted: Callable[[str], None] = lambda status: None,
    ) -> None:
        self.config = config
        self._rate: float = config.sampling_config.sampling_rate
        self._counted = counted
        self._waiting: queue.Queue[bytes] = queue.Queue(WAITING_RECORDS)
        self._ending = threading.Event()
        prefix = config.log_collector_config.filename_prefix
        unique = f"{time.strftime('%Y%m%d-%H%M%S')}.{os.getpid()}-{next(NUMBERS)}"
        self.file = Path(f"{prefix}.{model.replace('/', '_')}.{unique}.tfrecord")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServingError(Code.FAILED_PRECONDITION, f"{self.file.parent}: {error.strerror}") from None
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
        except queue.Full:
            self._counted("DROPPED")

    def close(self) -> None:
        """Write what waits, and end."""
        self._ending.set()
        self._thread.join()

    def _write(self) -> None:
        writer = None
        flushed = time.monotonic()
        while True:
            try:
                record = self._waiting.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if self._ending.is_set():
                    break
                record = None
            try:
                writer = writer or tf.io.TFRecordWriter(str(self.file))
                if record is not None:
                    writer.write(record)
                    self._counted("OK")
                if record is None or time.monotonic() - flushed > FLUSH_SECONDS:
                    writer.flush()
                    flushed = time.monotonic()
            except tf.errors.OpError as error:
                if record is not None:
                    self._counted("FAILED")
                log.error("%s: %s", self.file, error.message)
                writer = None
        if writer is not None:
            with contextlib.suppress(tf.errors.OpError):
                writer.close()
