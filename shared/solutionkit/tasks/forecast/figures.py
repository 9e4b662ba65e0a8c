"""Charts of forecasts: errors by step ahead, whether quantiles hold, and fans of some windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from solutionkit.report.figures import Figure, rungs
from solutionkit.tasks.forecast import charts
from solutionkit.tasks.forecast.layout import steps_of

if TYPE_CHECKING:
    from solutionkit.tasks.decisions import Scores
    from solutionkit.tasks.forecast.task import Forecast

TITLES = {"best": "Among the best", "typical": "Typical", "worst": "Among the worst"}
# Of the past, in horizons.
SHOWN_PAST = 3


def figures(task: Forecast, compared: dict[str, Any], scores: Scores) -> list[Figure]:
    """The charts.

    Args:
        task: What is forecast.
        compared: The content of `comparison.json`.
        scores: `labels`, each model's `(windows, outputs)`, and `past`, `series` and `start` of the windows.
    """
    names = rungs(compared["models"])
    models = compared["models"]
    by_step = {
        name: models[name]["wape_by_step"] for name in (*names, "trivial") if "wape_by_step" in models[name]
    }
    below = {name: models[name]["below"] for name in names}
    found = [
        Figure(
            charts.step_chart(by_step),
            "WAPE by step ahead: how fast forecasts grow worse the further out they are",
        ),
        Figure(
            charts.reliability_chart(below),
            "Share of true values below each quantile; on the line quantiles say what they mean",
        ),
    ]
    if "past" not in scores:
        return found
    shown = compared["selected"] or compared["preferred"]
    for kind, rows in task.notable(scores["labels"], scores[shown], None).items():
        for row in rows:
            past = scores["past"][row]
            keep = min(SHOWN_PAST * task.horizon, len(past))
            value = np.where(past[-keep:, 0] > 0, past[-keep:, 1], np.nan)
            title = f"{TITLES[kind]}: {scores['series'][row]}, from {scores['start'][row]}"
            fans = {
                name: task.by_step(scores[name][row : row + 1])[0]
                for name in dict.fromkeys(("baseline", "deep", shown))
            }
            found.append(
                Figure(
                    charts.fan_chart(value, steps_of(scores["labels"][row : row + 1])[0], fans, task, title),
                    f"{title}. Lines are medians, bands the widest interval; dots are what came",
                )
            )
    return found
