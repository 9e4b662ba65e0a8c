"""Drawings of forecasts, as SVG text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from solutionkit.report.charts import COLOURS, FAINT, INK, drawing, svg

if TYPE_CHECKING:
    from solutionkit.tasks.forecast.task import Forecast


def step_chart(by_step: dict[str, list[float | None]]) -> str:
    """Errors by step ahead.

    Args:
        by_step: By model a value a step.
    """
    with drawing(4.6, 3.0) as (figure, axes):
        for name, values in by_step.items():
            known = np.array([np.nan if value is None else value for value in values], float)
            steps = np.arange(1, len(known) + 1)
            axes.plot(
                steps, known, color=COLOURS[name], lw=1.4, marker="." if len(known) < 40 else "", label=name
            )
        axes.set(xlabel="steps ahead", ylabel="WAPE", ylim=(0, None))
        axes.legend(fontsize=8)
        return svg(figure, f"WAPE by step ahead of {', '.join(by_step)}")


def reliability_chart(below: dict[str, dict[str, float]]) -> str:
    """How often the truth lies below each quantile.

    Args:
        below: By model the observed share by quantile.
    """
    with drawing(4.6, 3.0) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=FAINT, lw=1)
        for name, found in below.items():
            wanted = [float(quantile) for quantile in found]
            axes.plot(
                wanted, list(found.values()), color=COLOURS[name], lw=1.2, marker="o", ms=3.5, label=name
            )
        axes.set(xlabel="quantile", ylabel="share of values below", xlim=(0, 1), ylim=(0, 1))
        axes.legend(fontsize=8)
        return svg(figure, f"Observed against wanted share below each quantile, of {', '.join(below)}")


def fan_chart(
    past: np.ndarray, truth: np.ndarray, fans: dict[str, np.ndarray], task: Forecast, title: str
) -> str:
    """One window: its past, what came, and the models' quantiles.

    Args:
        past: `(steps,)` values, NaN where not known.
        truth: `(horizon,)`, NaN where not known.
        fans: By model `(horizon, quantiles)`.
        task: What is forecast.
        title: What the drawing is of.
    """
    with drawing(4.6, 3.0) as (figure, axes):
        before = np.arange(-len(past), 0) + 1
        ahead = np.arange(1, task.horizon + 1)
        axes.plot(before, past, color=INK, lw=0.9)
        low, high = task.intervals[0] if task.intervals else (task.median, task.median)
        for name, said in fans.items():
            axes.fill_between(ahead, said[:, low], said[:, high], color=COLOURS[name], alpha=0.14, lw=0)
            axes.plot(ahead, said[:, task.median], color=COLOURS[name], lw=1.5, label=name)
        axes.plot(ahead, truth, ".", color=INK, ms=5)
        axes.axvline(0.5, color=FAINT, lw=1)
        axes.set(xlabel="steps, 1 is the first forecast", ylabel=task.label)
        axes.legend(fontsize=8)
        return svg(figure, title)
