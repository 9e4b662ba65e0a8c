"""Where things stand in the label of a forecast: its steps, then two scales of the series."""

from __future__ import annotations

import numpy as np

# Positions of the scales, from the end.
ABSOLUTE, SQUARED = -2, -1
SCALES = 2


def steps_of(labels: np.ndarray) -> np.ndarray:
    """`(windows, horizon)` the true steps of `(windows, horizon + 2)` labels."""
    return labels[:, :-SCALES]
