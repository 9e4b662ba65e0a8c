"""Rows that are alike in all that a model could read: the same row, written down more than once."""

from __future__ import annotations

import numpy as np

# Rows that are alike are the same row where a row is alike so few others by chance and some column has
# another value in so many of the distinct rows, unless each occurs over and over.
MOST_BY_CHANCE, NEARLY_UNIQUE, MOST_OFTEN = 0.01, 0.3, 10


def alike_rows(columns: list[np.ndarray]) -> np.ndarray | None:
    """`(rows,)` codes that alike rows share; nothing where no two are, or likeness says nothing.

    That is so where columns are so few, so coarse or so dependent on each other that different rows must
    often be alike.

    Args:
        columns: `(rows,)` codes from 0 of the values of each column.
    """
    if not columns or len(columns[0]) < 2:
        return None
    codes = np.zeros(len(columns[0]), np.int64)
    for values in columns:
        codes = np.unique(codes * (int(values.max()) + 1) + values, return_inverse=True)[1]
        if int(codes.max()) + 1 == len(codes):
            return None
    distinct = np.unique(codes, return_index=True)[1]
    count = len(distinct)
    fullest = max(len(np.unique(values[distinct])) for values in columns)
    if fullest < NEARLY_UNIQUE * count or count * MOST_OFTEN < len(codes):
        return None
    return None if _by_chance([values[distinct] for values in columns]) > MOST_BY_CHANCE else codes


def _by_chance(columns: list[np.ndarray]) -> float:
    """How many others a row would be alike, were the columns independent of each other.

    Args:
        columns: `(distinct rows,)` codes each.
    """
    rows = len(columns[0])
    expected = float(rows)
    for values in columns:
        counts = np.bincount(values).astype(float)
        expected *= float((counts * (counts - 1.0)).sum()) / max(rows * (rows - 1.0), 1.0)
    return expected
