"""One version of a SavedModel, loaded the way TensorFlow Serving loads it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

from solutionserve.errors import Code, ServingError, invalid
from solutionserve.further_ops import register_ops_of
from solutionserve.tensors import NUMPY, type_name

# Running in the caller's thread saves the hand-over to TensorFlow's own pool: most of a small model's time.
CALLER_THREAD = -1
# `M_MMAP_THRESHOLD` of malloc.h.
MMAP_THRESHOLD = -3


@dataclass(frozen=True)
class Parallelism:
    """Threads TensorFlow may use: within an operation, and for operations side by side.

    0 leaves the choice to TensorFlow. By default a request runs in one thread and requests side by side:
    waking threads for parts of a small operation costs more than they save.
    """

    intra_op: int = 1
    inter_op: int = CALLER_THREAD


@dataclass(frozen=True)
class Tensor:
    """An input or output of a signature: its name in the graph, its type and its dimensions.

    The dimensions are None where any shape goes; exporters also leave an unknown shape empty.
    """

    name: str
    kind: int
    dims: tuple[int, ...] | None

    @classmethod
    def of(cls, info: meta_graph_pb2.TensorInfo) -> Tensor:
        """The tensor that a SavedModel describes."""
        dims = tuple(dim.size for dim in info.tensor_shape.dim)
        return cls(info.name, info.dtype, None if info.tensor_shape.unknown_rank or not dims else dims)

    def check(self, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        """Refuse a type or shape that the signature rules out.

        Like TensorFlow Serving, a tensor without the trailing dimensions of size 1 is let through.

        Args:
            name: The input's name in the signature.
            dtype: The type of what was sent.
            shape: Its shape.

        Raises:
            ServingError: It is ruled out.
        """
        if dtype != NUMPY.get(self.kind):
            given = "string" if dtype.kind == "O" else dtype.name
            raise invalid(f"input '{name}' must be {type_name(self.kind)}, not {given}")
        dims = self.dims
        if dims is None or (len(dims) == 1 == len(shape) and dims[0] in (-1, shape[0])):
            return
        fits = all(a in (-1, b) for a, b in zip(dims, shape, strict=False))
        if not fits or len(shape) > len(dims) or any(size != 1 for size in dims[len(shape) :]):
            raise invalid(f"input '{name}' must have shape {list(dims)}, not {list(shape)} (-1 is any size)")


@dataclass(frozen=True)
class Signature:
    """A signature of a SavedModel: what it takes and gives, by name."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    definition: meta_graph_pb2.SignatureDef

    @classmethod
    def of(cls, definition: meta_graph_pb2.SignatureDef) -> Signature:
        """The signature that a SavedModel describes."""
        inputs, outputs = (
            {name: Tensor.of(info) for name, info in sorted(infos.items())}
            for infos in (definition.inputs, definition.outputs)
        )
        return cls(inputs, outputs, definition)


# Where in a graph an error happened, and what `tf.debugging` makes of a message.
MARKS, ASSERTION = re.compile(r"\{\{\w+ [^}]*\}\}\s*"), re.compile(r"assertion failed: \[([^\]]+)\]")
Signatures = Mapping[str, Signature]


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
        refuse_special_files(folder)
        register_ops_of(folder)
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
        settings.experimental.disable_thread_spinning = True
        self._inter_op = threads.inter_op
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=settings)
        try:
            with graph.as_default():
                loaded = tf.compat.v1.saved_model.load(self._session, list(tags), str(folder))
        except Exception as error:
            self._session.close()
            raise load_error(folder, error) from None
        self.signatures: Signatures = {
            name: Signature.of(definition) for name, definition in loaded.signature_def.items()
        }

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
        return {
            # NumPy would cut zeros off the end of a single text.
            name: np.array(value, object) if isinstance(value, bytes) else np.asarray(value)
            for name, value in zip(fetches, values, strict=True)
        }

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


def refuse_special_files(folder: Path) -> None:
    """Refuse what a load would wait for without end: a pipe, a socket or a device in place of a file."""
    for path in folder.rglob("*"):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ServingError(Code.FAILED_PRECONDITION, f"{path}: is neither a file nor a folder")


def load_error(folder: Path, error: Exception) -> ServingError:
    """What to tell of a SavedModel that did not load."""
    if isinstance(error, tf.errors.OpError):
        return ServingError(Code(error.error_code), first_line(error.message))
    missing = isinstance(error, OSError)
    return ServingError(
        Code.NOT_FOUND if missing else Code.FAILED_PRECONDITION, f"{folder}: {first_line(str(error))}"
    )


def first_line(message: str) -> str:
    """An error's own sentence, without TensorFlow's marks and the stack of operations below it."""
    line = MARKS.sub("", message.strip().split("\n", 1)[0])
    failed = ASSERTION.match(line)
    return failed[1] if failed else line


def trim_memory() -> None:
    """Hand freed memory back to the system, where the C library can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def return_large_blocks() -> None:
    """Let the C library hand every large block back as soon as it is freed.

    Left to itself it raises the size from which it does so, and keeps what a large request took.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, 1 << 20)
