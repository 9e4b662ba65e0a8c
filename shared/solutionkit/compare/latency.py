"""How long one in-process call of an exported model takes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

BATCHES = {"batch_1": (1, 100), "batch_128": (128, 40)}
WARM_UP_CALLS = 5
# Large images take long; then fewer calls must do.
FEWEST_CALLS, MOST_SECONDS = 5, 4.0


def latency_ms(score: Callable[[np.ndarray], np.ndarray], examples: np.ndarray) -> dict[str, float]:
    """Median milliseconds of a call on serialized tf.Examples, for batches of 1 and of 128."""
    measured = {}
    for name, (rows, calls) in BATCHES.items():
        batch = np.resize(examples, rows)
        warm_up = time.perf_counter()
        for _ in range(WARM_UP_CALLS):
            score(batch)
        each = (time.perf_counter() - warm_up) / WARM_UP_CALLS
        seconds = []
        for _ in range(max(FEWEST_CALLS, min(calls, int(MOST_SECONDS / each)))):
            started = time.perf_counter()
            score(batch)
            seconds.append(time.perf_counter() - started)
        measured[name] = round(float(np.median(seconds)) * 1000, 3)
    return measured
