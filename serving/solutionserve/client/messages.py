"""What a client asks and gets, whatever carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from solutionserve.errors import Code


class ClientError(Exception):
    """A request that was not answered: wrong rows, a refused request, or no server.

    Attributes:
        code: The canonical status code.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a moment later."""
        too_large = "larger than max" in str(self)
        # CANCELLED is a stopping server's word for what it had not begun.
        return self.code in (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.CANCELLED) and not too_large


@dataclass(frozen=True)
class Target:
    """Which model answers: a version, a label, or the newest.

    Attributes:
        name: The model's name.
        version: A version's number, or None.
        label: A label such as `stable`, or None.
    """

    name: str
    version: int | None = None
    label: str | None = None


@dataclass(frozen=True)
class Signature:
    """A signature's inputs and outputs by name, with the types as TensorFlow names them (`DT_FLOAT`)."""

    name: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class VersionStatus:
    """A version's state: START, LOADING, AVAILABLE, UNLOADING or END, with the error that ended it."""

    version: int
    state: str
    error: str = ""


@dataclass(frozen=True)
class PredictCall:
    """Arrays through a signature."""

    target: Target
    signature: Signature
    inputs: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class MetadataCall:
    """All signatures of a model, by name."""

    target: Target


@dataclass(frozen=True)
class StatusCall:
    """All versions of a model."""

    target: Target


@dataclass(frozen=True)
class Prediction:
    """The outputs by name, and the version that made them (0 where the protocol does not say)."""

    outputs: dict[str, np.ndarray]
    version: int = 0


@dataclass(frozen=True)
class Metadata:
    """A model's signatures by name, and the version that has them."""

    signatures: Mapping[str, Signature]
    version: int


Call = PredictCall | MetadataCall | StatusCall
Answer = Prediction | Metadata | list[VersionStatus]

NUMPY: dict[str, np.dtype] = {
    "DT_FLOAT": np.dtype(np.float32),
    "DT_DOUBLE": np.dtype(np.float64),
    "DT_INT8": np.dtype(np.int8),
    "DT_INT16": np.dtype(np.int16),
    "DT_INT32": np.dtype(np.int32),
    "DT_INT64": np.dtype(np.int64),
    "DT_UINT8": np.dtype(np.uint8),
    "DT_UINT16": np.dtype(np.uint16),
    "DT_UINT32": np.dtype(np.uint32),
    "DT_UINT64": np.dtype(np.uint64),
    "DT_BOOL": np.dtype(bool),
    "DT_STRING": np.dtype(object),
}
