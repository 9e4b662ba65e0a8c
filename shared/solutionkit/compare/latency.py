"""How long one in-process call of an exported model takes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

BATCHES = {"batch_1": (1, 100), "batch_128": (128, 40)}
# Large images take long; then fewer calls must do.
WARM_UP_CALLS, WARM_UP_SECONDS = 5, 0.5
FEWEST_CALLS, MOST_SECONDS = 3, 2.0


def latency_ms(score: Callable[[np.ndarray], np.ndarray], examples: np.ndarray) -> dict[str, float]:
    """Median milliseconds of a call on serialized tf.Examples, for batches of 1 and of 128."""
    measured = {}
    for name, (rows, calls) in BATCHES.items():
        batch = np.resize(examples, rows)
        timed(score, batch, 1, WARM_UP_CALLS, WARM_UP_SECONDS)
        seconds = timed(score, batch, FEWEST_CALLS, calls, MOST_SECONDS)
        measured[name] = round(float(np.median(seconds)) * 1000, 3)
    return measured


def timed(
    score: Callable[[np.ndarray], np.ndarray], batch: np.ndarray, fewest: int, most: int, limit: float
) -> list[float]:
    """Seconds of each call, of so many calls as fit into some seconds.

    Args:
        score: What is called.
        batch: Its argument.
        fewest: Calls at least.
        most: Calls at most.
        limit: Seconds after which no further call begins.
    """
    seconds: list[float] = []
    while len(seconds) < fewest or (len(seconds) < most and sum(seconds) < limit):
        started = time.perf_counter()
        score(batch)
        seconds.append(time.perf_counter() - started)
    return seconds
