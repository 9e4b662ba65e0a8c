"""What a JSON body costs once it is parsed, told from its bytes: three of them can become a hundred."""

from __future__ import annotations

from solutionserve.errors import invalid

# Bytes in memory for each mark in a body, its array included, rounded up from what CPython takes: a list, an
# object, half a text, an object's entry, any value.
PRICES = {b"[": 112, b"{": 160, b'"': 48, b":": 96, b",": 56}


def cost(body: bytes, most: int) -> int:
    """Most bytes that a body takes in memory once it is parsed and made into arrays.

    Raises:
        ServingError: It takes more than `most`.
    """
    total = 2 * len(body) + sum(price * body.count(mark) for mark, price in PRICES.items())
    if total > most:
        raise invalid(
            f"the request of {len(body):,} bytes has too many parts: it would take {total:,} bytes of memory,"
            f" at most {most:,} are given; send fewer rows, or use gRPC"
        )
    return total
