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
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import logging_config_pb2

from solutionserve.errors import Code, ServingError

WAITING_RECORDS, WAITING_BYTES = 1000, 64 << 20
FLUSH_SECONDS = 1.0
POLL_SECONDS = 0.2
# How long nothing is tried after a disk did not take a record.
PAUSE_SECONDS = 5.0
NUMBERS = itertools.count()
log = logging.getLogger("solutionserve")


class RequestLog:
    """Writes a model's sampled requests on a thread of its own; when it falls behind, records are dropped.

    The file is `<filename_prefix>.<model>.<time>.<process>-<number>.tfrecord`. When a disk does not take what
    is written, the next try goes to a new file, so that nothing written is lost.

    Args:
        model: The model's name.
        config: Sampling rate and the files' prefix.
        counted: Called with `OK`, `DROPPED` or `FAILED` for each record; `OK` means that it is in the file.

    Attributes:
        file: Where the latest records are.

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
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._stem = f"{config.log_collector_config.filename_prefix}.{model.replace('/', '_')}"
        self.file = self._new_file()
        self._writer: Any = None
        self._unflushed = 0
        self._resume_at = 0.0
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
        size = record.ByteSize()
        with self._lock:
            fits = self._waiting_bytes + size <= WAITING_BYTES
            self._waiting_bytes += size if fits else 0
        if not fits:
            self._counted("DROPPED")
            return
        try:
            self._waiting.put_nowait(record.SerializeToString())
        except queue.Full:
            self._taken(size)
            self._counted("DROPPED")

    def close(self) -> None:
        """Write what waits, and end."""
        self._ending.set()
        self._thread.join()

    def _taken(self, size: int) -> None:
        with self._lock:
            self._waiting_bytes -= size

    def _new_file(self) -> Path:
        unique = f"{time.strftime('%Y%m%d-%H%M%S')}.{os.getpid()}-{next(NUMBERS)}"
        return Path(f"{self._stem}.{unique}.tfrecord")

    def _write(self) -> None:
        flushed = time.monotonic()
        while True:
            try:
                record = self._waiting.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if self._ending.is_set():
                    break
                record = None
            if record is not None:
                self._taken(len(record))
                self._put(record)
            if self._unflushed and (record is None or time.monotonic() - flushed > FLUSH_SECONDS):
                self._try(lambda: self._writer.flush())
                flushed = time.monotonic()
        if self._writer is not None:
            self._try(lambda: self._writer.close())

    def _put(self, record: bytes) -> None:
        if time.monotonic() < self._resume_at:
            self._counted("FAILED")
            return

        def write() -> None:
            if self._writer is None:
                self._writer = tf.io.TFRecordWriter(str(self.file))
            self._writer.write(record)

        self._unflushed += 1
        self._try(write, settles=False)

    def _try(self, work: Callable[[], None], settles: bool = True) -> None:
        """Do something with the file, and count what is in it for sure, or lost."""
        try:
            work()
        except tf.errors.OpError as error:
            log.error("%s: %s; %d records are lost", self.file, error.message, self._unflushed)
            self._settle("FAILED")
            writer, self._writer = self._writer, None
            with contextlib.suppress(tf.errors.OpError):
                if writer is not None:
                    writer.close()
            with contextlib.suppress(OSError):
                if not self.file.stat().st_size:
                    self.file.unlink()
            self.file, self._resume_at = self._new_file(), time.monotonic() + PAUSE_SECONDS
        else:
            if settles:
                self._settle("OK")

    def _settle(self, status: str) -> None:
        for _ in range(self._unflushed):
            self._counted(status)
        self._unflushed = 0
