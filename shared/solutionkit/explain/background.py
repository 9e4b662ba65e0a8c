"""The rows that explanations of all models of a table compare with: the same for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from solutionkit.models.explanation_files import load_background

SAMPLES = 128


def drawn_background(folder: Path, samples: int = SAMPLES, seed: int = 0) -> dict[str, np.ndarray]:
    """`(samples, …)` by kind of column, drawn of what `save_background` wrote.

    Args:
        folder: The model's.
        samples: How many; rows are drawn more than once where there are fewer.
        seed: Of the draw.
    """
    stored = load_background(folder)
    rows = len(next(iter(stored.values())))
    chosen = np.resize(np.random.default_rng(seed).permutation(rows), samples)
    return {name: value[chosen] for name, value in stored.items()}
