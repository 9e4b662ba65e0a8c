"""The explanation of two exported models on the evaluation split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from solutionkit.compare.exported import parse_columns
from solutionkit.examples.splitting import EVAL
from solutionkit.explain.images import explain_images
from solutionkit.explain.loading import ModelExplainer
from solutionkit.explain.tables import explain_tables
from solutionkit.models.arrays import read_serialized


def explain_exported(examples: Path, models: dict[str, Path], comparison: Path, seed: int) -> dict[str, Any]:
    """Explain both models on evaluation rows.

    Args:
        examples: An Examples artifact with the split eval.
        models: SavedModel folders by name.
        comparison: The comparison that the models come from: its scores and thresholds are used.
        seed: Draws the rows of the global view.

    Returns:
        The content of `explanations.json`.
    """
    compared = json.loads((comparison / "comparison.json").read_text())
    with np.load(comparison / "curves.npz") as stored:
        labels = stored["labels"]
        probabilities = {name: stored[name] for name in models}
    serialized = read_serialized([str(examples / f"Split-{EVAL}" / "*")])
    explainers = {name: ModelExplainer(folder) for name, folder in models.items()}
    spec = explainers["baseline"].spec
    if spec.id:
        ids = [str(value) for value in parse_columns(serialized, spec, [spec.id])[spec.id]]
    else:
        ids = [f"evaluation row {row}" for row in range(len(serialized))]
    selected = compared["selected"]
    threshold = compared["models"][selected]["business"]["threshold"]
    explain = explain_images if spec.image else explain_tables
    return explain(serialized, labels, ids, explainers, probabilities, selected, threshold, seed)
