"""Charts of how well numbers are predicted."""

from __future__ import annotations

import numpy as np

from solutionkit.report import charts
from solutionkit.report.figures import Figure, rungs


def figures(label: str, scores: dict[str, np.ndarray]) -> list[Figure]:
    """Predictions against truth, and the errors' spread by prediction.

    Args:
        label: What is predicted.
        scores: `labels` `(rows,)` and each model's `(rows, 1)`.
    """
    labels = scores["labels"]
    predictions = {name: scores[name][:, 0] for name in rungs(scores)}
    errors = {name: values - labels for name, values in predictions.items()}
    return [
        Figure(
            charts.prediction_chart(labels, predictions),
            f"Predicted {label} against the true one; on the line both are the same",
        ),
        Figure(
            charts.residual_chart(predictions, errors),
            "Errors by prediction: median and the middle 80 % of tenths of the rows; above zero the"
            " prediction is too high",
        ),
    ]
