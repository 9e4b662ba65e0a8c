"""One version of a SavedModel, loaded the way TensorFlow Serving loads it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

from solutionserve.errors import Code, ServingError, invalid
from solutionserve.tensors import NUMPY, type_name

# Running in the caller's thread saves the hand-over to TensorFlow's own pool: most of a small model's time.
CALLER_THREAD = -1
Signatures = Mapping[str, meta_graph_pb2.SignatureDef]


@dataclass(frozen=True)
class Parallelism:
    """Threads TensorFlow may use: within an operation, and for operations side by side.

    0 leaves the choice to TensorFlow; side by side the default is none.
    """

    intra_op: int = 0
    inter_op: int = CALLER_THREAD


class LoadedModel:
    """A SavedModel in a session of its own, so that closing it gives all memory back.

    Args:
        folder: The version's folder.
        tags: Which of its graphs.
        parallelism: Threads.

    Raises:
        ServingError: The folder holds no SavedModel that loads.
    """

    def __init__(
        self, folder: Path, tags: Sequence[str] = ("serve",), parallelism: Parallelism | None = None
    ) -> None:
        threads = parallelism or Parallelism()
        self.folder = folder
        self._callables: dict[tuple[tuple[str, ...], tuple[str, ...]], Any] = {}
        self._lock = threading.Lock()
        self._idle = threading.Condition()
        self._running = 0
        self._closed = False
        settings = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=threads.intra_op,
            inter_op_parallelism_threads=threads.inter_op,
            use_per_session_threads=bool(threads.intra_op),
        )
        self._inter_op = threads.inter_op
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=settings)
        try:
            with graph.as_default():
                loaded = tf.compat.v1.saved_model.load(self._session, list(tags), str(folder))
        except Exception as error:
            self._session.close()
            raise load_error(folder, error) from None
        self.signatures: Signatures = dict(loaded.signature_def)

    def run(self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str]) -> dict[str, np.ndarray]:
        """Values of the tensors named in `fetches`; safe to call from many threads.

        Raises:
            ServingError: TensorFlow refused the values.
        """
        key = (tuple(feeds), tuple(fetches))
        with self._idle:
            if self._closed:
                raise ServingError(Code.UNAVAILABLE, f"{self.folder}: is being unloaded")
            self._running += 1
        try:
            function = self._callables.get(key) or self._callable(*key)
            values = function(*feeds.values())
        except tf.errors.OpError as error:
            raise ServingError(Code(error.error_code), first_line(error.message)) from None
        except (ValueError, TypeError) as error:
            raise invalid(first_line(str(error))) from None
        finally:
            with self._idle:
                self._running -= 1
                if not self._running:
                    self._idle.notify_all()
        return dict(zip(fetches, map(np.asarray, values), strict=True))

    def close(self) -> None:
        """Give the memory back, once no run is under way (its request may have given up already)."""
        with self._idle:
            self._closed = True
            while self._running:
                self._idle.wait()
        self._callables.clear()
        self._session.close()
        del self._session
        gc.collect()
        trim_memory()

    def _callable(self, feeds: tuple[str, ...], fetches: tuple[str, ...]) -> Any:
        with self._lock:
            made = self._callables.get((feeds, fetches))
            if made is None:
                options = config_pb2.CallableOptions(feed=feeds, fetch=fetches)
                options.run_options.inter_op_thread_pool = min(self._inter_op, 0)
                # The public make_callable copies feeds in Python: 0.14 ms a call against 0.01.
                made = self._session._make_callable_from_options(options)
                self._callables[feeds, fetches] = made
            return made


def check_input(name: str, value: np.ndarray, info: meta_graph_pb2.TensorInfo) -> None:
    """Refuse an input whose type or shape cannot be what the signature states.

    Like TensorFlow Serving, a tensor without the trailing dimensions of size 1 is let through.

    Raises:
        ServingError: It cannot be.
    """
    if value.dtype != NUMPY.get(info.dtype):
        given = "string" if value.dtype == object else value.dtype.name
        raise invalid(f"input '{name}' must be {type_name(info.dtype)}, not {given}")
    if info.tensor_shape.unknown_rank:
        return
    wanted = [dim.size for dim in info.tensor_shape.dim]
    if not wanted:
        return  # exporters also leave an unknown shape empty
    given_shape = list(value.shape)
    fits = all(a in (-1, b) for a, b in zip(wanted, given_shape, strict=False))
    ones_left_out = len(given_shape) <= len(wanted) and all(size == 1 for size in wanted[len(given_shape) :])
    if not fits or not ones_left_out:
        raise invalid(f"input '{name}' must have shape {wanted}, not {given_shape} (-1 is any size)")


def load_error(folder: Path, error: Exception) -> ServingError:
    """What to tell of a SavedModel that did not load."""
    if isinstance(error, tf.errors.OpError):
        return ServingError(Code(error.error_code), first_line(error.message))
    missing = isinstance(error, OSError)
    return ServingError(
        Code.NOT_FOUND if missing else Code.FAILED_PRECONDITION, f"{folder}: {first_line(str(error))}"
    )


def first_line(message: str) -> str:
    """An error's own sentence, without the stack of operations below it."""
    return message.strip().split("\n", 1)[0]


def trim_memory() -> None:
    """Hand freed memory back to the system, where the C library can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
