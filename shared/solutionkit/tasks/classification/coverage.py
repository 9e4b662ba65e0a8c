"""How often the surest rows are told rightly."""

from __future__ import annotations

import numpy as np

SHARES = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


def accuracy_by_coverage(labels: np.ndarray, probabilities: np.ndarray) -> list[dict[str, float]]:
    """How often the surest rows are told rightly, by how many of them are told at all.

    Args:
        labels: `(rows,)` class ids.
        probabilities: `(rows, classes)`.
    """
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    right = np.cumsum(probabilities[order].argmax(axis=1) == labels[order])
    counts = np.maximum(np.round(np.array(SHARES) * len(labels)).astype(int), 1)
    return [
        {
            "share": share,
            "accuracy": float(right[count - 1] / count),
            "confidence": float(probabilities[order[count - 1]].max()),
        }
        for share, count in zip(SHARES, counts, strict=True)
    ]


def coverage_chart(curves: dict[str, list[tuple[float, float]]], told: str) -> str:
    """Accuracy of the surest rows.

    Args:
        curves: By model shares of rows with their accuracy.
        told: What the rows are, on the axis.
    """
    from solutionkit.report.charts import COLOURS, drawing, svg

    with drawing(4.6, 3.0) as (figure, axes):
        for name, points in curves.items():
            shares, values = zip(*points, strict=True)
            axes.plot(shares, values, color=COLOURS[name], lw=1.4, marker=".", label=name)
        axes.set(xlabel=told, ylabel="told rightly")
        axes.legend(fontsize=8)
        return svg(figure, f"Accuracy by coverage of {', '.join(curves)}")
