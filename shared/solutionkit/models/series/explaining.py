"""What an explanation of a series' forecast needs of its training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from solutionkit.models.arrays import TransformedSplit

EXPLAINER = "solutionkit.explain.series:SeriesExplanation"
BACKGROUND_FILE = "background.npz"
BACKGROUND_WINDOWS = 32


def save_background(folder: Path, train: TransformedSplit, seed: int) -> None:
    """Keep some training windows, the same for all models, that parts of others are put into."""
    random = np.random.default_rng(seed)
    rows = train.take(np.sort(random.permutation(len(train))[:BACKGROUND_WINDOWS]))
    np.savez(folder / BACKGROUND_FILE, **rows.inputs)  # type: ignore[arg-type]
