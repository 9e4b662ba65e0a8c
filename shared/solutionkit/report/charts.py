"""The report's charts as SVG text, drawn by matplotlib without a display."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from solutionkit.compare.money import PER, row_values
from solutionkit.declaration import Business

COLOURS = {"simple": "#4d8a4b", "baseline": "#b4632b", "deep": "#2b6cb4", "trivial": "#8a8f98"}
SHADES = {"simple": "Greens", "baseline": "Oranges", "deep": "Blues"}
INK, FAINT = "#2b2f36", "#d9dce1"
STYLE: Any = {
    "svg.fonttype": "none",
    # A dollar sign in a category is a dollar sign.
    "text.parse_math": False,
    "svg.hashsalt": "solutionkit",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
}
CURVE_POINTS = 200
# Of a scatter, so that the page stays small.
SHOWN_ROWS = 800
# More classes than this, and the numbers in a confusion table cannot be read.
MOST_NUMBERED = 16


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure of one chart, in the report's style.

    Args:
        width: Inches.
        height: Inches.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.add_subplot()


def svg(figure: Figure, description: str) -> str:
    """A figure as an inline `<svg>` that says what it shows."""
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    body = text.getvalue()[text.getvalue().index("<svg") :]
    # Ids are unique only within one figure; a page holds many.
    mark = f"{abs(hash_text(description)):x}"
    body = re.sub(r'id="([^"]+)"', rf'id="{mark}-\1"', body)
    body = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{mark}-", body)
    body = re.sub(r'width="[0-9.]+pt" height="[0-9.]+pt"', "", body, count=1)
    return body.replace("<svg ", f'<svg role="img" aria-label="{html.escape(description)}" ', 1)


def hash_text(text: str) -> int:
    """A hash of a text that is the same in every process."""
    value = 0
    for character in text:
        value = (value * 131 + ord(character)) % (1 << 31)
    return value


def difference_chart(
    estimates: list[tuple[str, dict[str, float]]], description: str, margin: float = 0.0
) -> str:
    """Points with intervals about zero; shaded is what is too little to matter.

    Args:
        estimates: Titles, and values with intervals.
        description: For those who do not see it.
        margin: What is too little to matter.
    """
    with drawing(5.2, 0.5 + 0.32 * len(estimates)) as (figure, axes):
        for row, (_, estimate) in enumerate(estimates):
            axes.plot([estimate["low"], estimate["high"]], [row, row], color=COLOURS["deep"], linewidth=2)
            axes.plot(estimate["value"], row, "o", color=COLOURS["deep"], markersize=5)
        axes.axvspan(-margin, margin, color=COLOURS["trivial"], alpha=0.15, linewidth=0)
        axes.axvline(0.0, color=INK, linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(estimates)), [name for name, _ in estimates])
        axes.set_ylim(len(estimates) - 0.5, -0.5)
        axes.spines["left"].set_visible(False)
        axes.tick_params(left=False)
        return svg(figure, description)


def roc_chart(labels: np.ndarray, scores: dict[str, np.ndarray]) -> str:
    """ROC curves."""

    def curve(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ordered = labels[np.argsort(-score, kind="stable")]
        true = np.r_[0.0, np.cumsum(ordered) / ordered.sum()]
        false = np.r_[0.0, np.cumsum(1 - ordered) / (1 - ordered).sum()]
        return false, true

    with drawing(3.4, 3.0) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=COLOURS["trivial"], linewidth=0.8, linestyle=":")
        _curves(axes, scores, curve)
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("true positive rate")
        return svg(figure, "ROC curves of the models")


def precision_recall_chart(labels: np.ndarray, scores: dict[str, np.ndarray]) -> str:
    """Precision against recall."""

    def curve(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ordered = labels[np.argsort(-score, kind="stable")]
        true = np.cumsum(ordered)
        return true / ordered.sum(), true / np.arange(1, len(ordered) + 1)

    with drawing(3.4, 3.0) as (figure, axes):
        axes.axhline(labels.mean(), color=COLOURS["trivial"], linewidth=0.8, linestyle=":")
        _curves(axes, scores, curve)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        axes.set_ylim(0, 1.02)
        return svg(figure, "Precision and recall of the models")


def _curves(
    axes: Axes, scores: dict[str, np.ndarray], curve: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> None:
    for name, score in scores.items():
        x, y = curve(score)
        # Along the axis as well as along the rows: of rare positives all happens within the first rows.
        along = np.searchsorted(x, np.linspace(0.0, x[-1], CURVE_POINTS))
        rows = np.linspace(0, len(x) - 1, CURVE_POINTS).round().astype(int)
        kept = np.unique([*along, *rows])
        axes.plot(x[kept], y[kept], color=COLOURS[name], linewidth=1.4, label=name)
    axes.legend(loc="best")


def calibration_chart(curves: dict[str, list[dict[str, float]]]) -> str:
    """Observed share against predicted probability; shaded is where perfect probabilities would lie.

    Args:
        curves: Points by model, see `compare.calibration`.
    """
    with drawing(3.4, 3.0) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=COLOURS["trivial"], linewidth=0.8, linestyle=":")
        for name, points in curves.items():
            x, y, low, high = (
                [point[part] for point in points] for part in ("predicted", "observed", "low", "high")
            )
            axes.fill_between(x, low, high, color=COLOURS[name], alpha=0.13, linewidth=0)
            axes.plot(x, y, color=COLOURS[name], linewidth=1.2, label=name)
        largest = max(
            max(point["high"], point["predicted"]) for points in curves.values() for point in points
        )
        axes.set_xlim(-0.02 * largest, min(1.02, 1.05 * largest))
        axes.set_ylim(-0.02 * largest, min(1.02, 1.05 * largest))
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("observed share")
        axes.legend(loc="upper left")
        return svg(figure, "Calibration of the models")


def money_chart(
    labels: np.ndarray,
    scores: dict[str, np.ndarray],
    thresholds: dict[str, float],
    business: Business,
    amounts: np.ndarray | None = None,
) -> str:
    """Worth of 1,000 decisions on the evaluation rows at every threshold; dots mark the chosen ones.

    Args:
        labels: `(rows,)` 0 or 1.
        scores: `(rows,)` by model, probabilities or what flagging is expected to add.
        thresholds: The chosen one by model.
        business: What the outcomes are worth.
        amounts: `(rows,)` what is at stake, where worth depends on it.
    """
    together = np.concatenate(list(scores.values()))
    low, high = 0.0, 1.0
    if together.min() < low or together.max() > high:
        low, high = (float(end) for end in np.quantile(together, [0.01, 0.999]))
    grid = np.linspace(low, high, 101)
    most, least = 0.0, 0.0
    with drawing(3.4, 3.0) as (figure, axes):
        for name, score in scores.items():
            worth = [PER * row_values(labels, score >= cut, business, amounts).mean() for cut in grid]
            axes.plot(grid, worth, color=COLOURS[name], linewidth=1.4, label=name)
            most, least = max(most, *worth), min(least, *worth)
            cut = float(np.clip(thresholds[name], low, high))
            chosen = PER * row_values(labels, score >= cut, business, amounts).mean()
            axes.plot(cut, chosen, "o", color=COLOURS[name])
        axes.axhline(0.0, color=COLOURS["trivial"], linewidth=0.8, linestyle=":")
        if most > 0 and least < -most:
            # What flagging nearly everything would cost must not flatten the rest.
            axes.set_ylim(-most, 1.1 * most)
        axes.set_xlabel("threshold")
        axes.set_ylabel(f"{business.currency} per {PER:,}")
        axes.legend(loc="best")
        return svg(figure, "Worth of a thousand decisions by threshold")


def daily_chart(daily: dict[str, Any], estimates: dict[str, dict[str, float]]) -> str:
    """Share of compromised cards among each day's alerts; bands are the 95 % intervals of the means.

    Args:
        daily: `daily` of `comparison.json`.
        estimates: Card precision of each model with its interval.
    """
    with drawing(7.6, 2.6) as (figure, axes):
        days = np.arange(len(daily["days"]))
        for name, model in daily["models"].items():
            mean = estimates[name]
            axes.axhspan(mean["low"], mean["high"], color=COLOURS[name], alpha=0.12, linewidth=0)
            axes.axhline(mean["value"], color=COLOURS[name], linewidth=0.8, linestyle=":")
            axes.plot(
                days, model["precision"], "o-", color=COLOURS[name], markersize=3, linewidth=1, label=name
            )
        step = max(1, len(days) // 10)
        axes.set_xticks(days[::step], [str(day)[5:] for day in daily["days"][::step]])
        axes.set_ylabel(f"card precision@{daily['budget']}")
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper right")
        return svg(figure, "Share of compromised cards among each day's alerts")


def prediction_chart(labels: np.ndarray, predictions: dict[str, np.ndarray]) -> str:
    """Predicted numbers against true ones, of some rows.

    Args:
        labels: `(rows,)` true numbers.
        predictions: `(rows,)` by model.
    """
    rows = np.random.default_rng(0).permutation(len(labels))[:SHOWN_ROWS]
    with drawing(4.8, 4.0) as (figure, axes):
        for name, values in predictions.items():
            axes.scatter(labels[rows], values[rows], s=6, alpha=0.4, color=COLOURS[name], label=name)
        ends = [float(labels.min()), float(labels.max())]
        axes.plot(ends, ends, color="#8a8f98", linewidth=1, linestyle=":")
        axes.set_xlabel("true")
        axes.set_ylabel("predicted")
        axes.legend(frameon=False)
        return svg(figure, "Predicted numbers of the models against true ones")


def residual_chart(predictions: dict[str, np.ndarray], errors: dict[str, np.ndarray]) -> str:
    """Errors by tenths of the predictions: median and middle 80 %.

    Args:
        predictions: `(rows,)` by model.
        errors: `(rows,)` by model, predicted minus true.
    """
    with drawing(4.8, 4.0) as (figure, axes):
        for name, values in predictions.items():
            tenths = np.array_split(np.argsort(values, kind="stable"), min(10, len(values)))
            middle = [float(np.median(values[rows])) for rows in tenths]
            low, median, high = (
                [float(np.quantile(errors[name][rows], share)) for rows in tenths]
                for share in (0.1, 0.5, 0.9)
            )
            axes.plot(middle, median, color=COLOURS[name], marker="o", markersize=3, label=name)
            axes.fill_between(middle, low, high, color=COLOURS[name], alpha=0.15, linewidth=0)
        axes.axhline(0.0, color="#8a8f98", linewidth=1, linestyle=":")
        axes.set_xlabel("predicted")
        axes.set_ylabel("error")
        axes.legend(frameon=False)
        return svg(figure, "Errors of the models by prediction")


def confusion_chart(counts: list[list[int]], classes: list[str], model: str) -> str:
    """How many rows of each class were taken for which; shares of a row's class give the shade."""
    table = np.array(counts)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    side = 1.6 + 0.34 * len(classes)
    with drawing(side + 0.4, side) as (figure, axes):
        axes.imshow(shares, cmap=SHADES[model], vmin=0.0, vmax=1.0)
        axes.set_xticks(range(len(classes)), classes, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(classes)), classes)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        if len(classes) <= MOST_NUMBERED:
            for row, column in np.ndindex(table.shape):
                colour = "white" if shares[row, column] > 0.5 else INK
                text = str(table[row, column]) if table[row, column] else ""
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
        return svg(figure, f"Confusion of classes by the {model} model")


def ranking_chart(rankings: dict[str, list[dict[str, Any]]], unit: str, most: int = 12) -> str:
    """Mean absolute contribution of the strongest columns, the models side by side.

    Args:
        rankings: By model, what `summary.ranking` gives.
        unit: Of contributions.
        most: How many columns are shown.
    """
    strength: dict[str, dict[str, float]] = {
        name: {item["column"]: item["mean_abs"] for item in items} for name, items in rankings.items()
    }
    columns = sorted(strength["baseline"], key=lambda name: -sum(model[name] for model in strength.values()))[
        :most
    ]
    with drawing(7.6, 0.6 + 0.3 * len(columns)) as (figure, axes):
        for offset, width, (name, model) in _side_by_side(strength):
            rows = np.arange(len(columns)) + offset
            axes.barh(rows, [model[column] for column in columns], width, color=COLOURS[name], label=name)
        axes.set_yticks(range(len(columns)), columns)
        axes.set_ylim(len(columns) - 0.4, -0.6)
        axes.set_xlabel(f"mean absolute contribution ({unit})")
        axes.legend(loc="lower right")
        return svg(figure, "Which columns matter, in each model")


def _side_by_side(models: dict[str, Any]) -> list[tuple[float, float, tuple[str, Any]]]:
    """Each model's place beside a row's middle, the width of its bar, and itself."""
    step = 0.72 / len(models)
    first = -step * (len(models) - 1) / 2
    return [(first + step * number, 0.95 * step, item) for number, item in enumerate(models.items())]


def dependence_chart(column: str, curves: dict[str, dict[str, Any]]) -> str:
    """How a column's contribution varies with its value."""
    with drawing(3.1, 2.3) as (figure, axes):
        for offset, width, (name, item) in _side_by_side(curves):
            if item["kind"] == "numeric":
                axes.plot(item["values"], item["effects"], ".", color=COLOURS[name], markersize=3, alpha=0.5)
            else:
                rows = np.arange(len(item["groups"])) + offset
                axes.barh(rows, [group["mean"] for group in item["groups"]], width, color=COLOURS[name])
                axes.set_yticks(range(len(item["groups"])), [group["value"] for group in item["groups"]])
        axes.set_title(column, fontsize=9, loc="left", color=INK)
        zero = axes.axhline if item["kind"] == "numeric" else axes.axvline
        zero(0.0, color=FAINT, linewidth=0.8)
        return svg(figure, f"Contribution of {column} by its value")
