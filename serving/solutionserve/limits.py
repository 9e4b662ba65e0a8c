"""What a client may ask for in one request."""

from __future__ import annotations

from dataclasses import dataclass

from solutionserve.errors import invalid

# What the arrays of any request may take, and what each byte of it allows them more: a small request that
# describes much is refused before anything is made of it.
ARRAYS, ARRAYS_PER_BYTE = 1 << 16, 24


@dataclass(frozen=True)
class Limits:
    """What a client may ask for.

    Attributes:
        request_bytes: Largest request.
        rows: Most rows in a request.
        requests: Requests that may be under way at the same time; more are refused at once.
    """

    request_bytes: int = 32 << 20
    rows: int = 10_000
    requests: int = 512

    def check_rows(self, rows: int | None) -> None:
        """Refuse more rows than are taken."""
        if rows is not None and rows > self.rows:
            raise invalid(f"{rows:,} rows in one request; at most {self.rows:,} are taken")

    def check_arrays(self, size: int, sent: int) -> None:
        """Refuse arrays of `size` bytes that a request of `sent` bytes describes."""
        most = min(ARRAYS + ARRAYS_PER_BYTE * sent, ARRAYS + 2 * self.request_bytes)
        if size > most:
            raise invalid(
                f"the request of {sent:,} bytes describes arrays of {size:,} bytes, which is larger than the"
                f" {most:,} bytes allowed; send the values themselves, or fewer rows"
            )
