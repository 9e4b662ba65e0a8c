"""The explanation of two exported models on the evaluation split."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from solutionkit.compare.comparison import shown_model
from solutionkit.compare.decision import Decision
from solutionkit.explain.evaluated import EvaluatedModels
from solutionkit.explain.loading import ModelExplainer
from solutionkit.models.arrays import parse_columns, read_serialized
from solutionkit.splits import EVAL

# `-> content of explanations.json`.
Explanation = Callable[[EvaluatedModels], dict[str, Any]]


def explain_exported(
    examples: Path, models: dict[str, Path], comparison: Path, function: Explanation, seed: int
) -> dict[str, Any]:
    """Explain baseline, deep model and whichever ships on evaluation rows.

    Args:
        examples: An Examples artifact with the split eval.
        models: SavedModel folders by name.
        comparison: The comparison that the models come from: its scores and thresholds are used.
        function: Explains the models, e.g. `tables.explain_tables`.
        seed: Draws the rows of the global view.

    Returns:
        The content of `explanations.json`.
    """
    compared = json.loads((comparison / "comparison.json").read_text())
    shown = shown_model(compared)
    # The simplest rung is its own explanation, and costs as much as the others.
    models = {name: folder for name, folder in models.items() if name in ("baseline", "deep", shown)}
    with np.load(comparison / "scores.npz") as stored:
        labels = stored["labels"]
        outputs = {name: stored[name] for name in models}
        amounts, units = stored.get("amounts"), stored.get("units")
    serialized = read_serialized([str(examples / f"Split-{EVAL}" / "*")])
    explainers = {name: ModelExplainer(folder) for name, folder in models.items()}
    spec = explainers["baseline"].spec
    if spec.id:
        ids = [str(value) for value in parse_columns(serialized, spec, [spec.id])[spec.id]]
    else:
        ids = [f"evaluation row {row}" for row in range(len(serialized))]
    decision = Decision.from_json(compared["models"][shown]["business"])
    if decision and not decision.flags:
        decision = None
    if decision and decision.expected:
        decision = decision.of_rows({decision.expected.amount: amounts})
    return function(
        EvaluatedModels(serialized, labels, ids, explainers, outputs, shown, decision, seed, units)
    )
