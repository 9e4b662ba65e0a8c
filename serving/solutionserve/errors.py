"""One error for both APIs, with a canonical status code."""

from __future__ import annotations

import enum
import heapq
from collections.abc import Collection

# Characters of what a client sent, and names of it, that a message repeats.
SHOWN, SHOWN_NAMES = 80, 20


class Code(enum.IntEnum):
    """The canonical codes that gRPC and TensorFlow share (`google.rpc.Code`)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @property
    def http_status(self) -> int:
        """The HTTP status that TensorFlow Serving's REST API gives for this code."""
        return HTTP_STATUS.get(self, 500)


HTTP_STATUS = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}


class ServingError(Exception):
    """A request or a configuration that the server answers with a status instead of a result.

    Attributes:
        code: The canonical code.
        message: What is wrong, in one sentence or a few.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> ServingError:
    """An INVALID_ARGUMENT error."""
    return ServingError(Code.INVALID_ARGUMENT, message)


def listed(names: Collection[str]) -> str:
    """A few names for a message, however many and long they are."""
    first = heapq.nsmallest(SHOWN_NAMES, names)
    shown = [name if len(name) <= SHOWN else name[:SHOWN] + "…" for name in first]
    return ", ".join(shown) + (f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else "")
