"""Windows as a table: a row each, with what they are called and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from solutionkit.cells import sequence_array
from solutionkit.kinds import FUTURE, PAST
from solutionkit.modalities.series import windows as cutting
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.panel import Panel
from solutionkit.modalities.series.patterns import PATTERN, VOLUME, patterns, volumes
from solutionkit.modalities.series.windows import FEWEST_SERIES, Origins, Plan
from solutionkit.splits import EVAL, FEWEST_UNITS

# The column that names a window's series.
SERIES = "series"
# At which step of the grid it starts.
ORIGIN = "origin step"


@dataclass(frozen=True)
class Details:
    """What cutting windows found out.

    Attributes:
        panel: The series.
        plan: How they are cut.
        origins: Which windows there are.
        layout: Which column is what.
        nonnegative: Whether no value is negative.
        usual_level: The mean absolute value.
    """

    panel: Panel
    plan: Plan
    origins: Origins
    layout: Layout
    nonnegative: bool
    usual_level: float


def windows_table(details: Details) -> pa.Table:
    """One row a window: names, static columns, past, future and label."""
    panel, found, layout = details.panel, details.origins, details.layout
    cut = cutting.cut(panel, found, details.plan)
    absolute, squared = cutting.scales(panel, details.plan.seasons[0], first_judged(found, panel))
    label = np.concatenate(
        [cut.targets, absolute[found.series][:, None], squared[found.series][:, None]], axis=1
    )
    until = first_judged(found, panel)
    columns: dict[str, Any] = {
        SERIES: pa.array(panel.names[found.series], pa.string()),
        layout.time: pa.array(panel.frequency.texts(panel.first[found.series] + found.start)),
        ORIGIN: pa.array((panel.first[found.series] + found.start).astype(str)),
        PATTERN: pa.array(patterns(panel, until)[found.series], pa.string()),
        VOLUME: pa.array(volumes(panel, until)[found.series], pa.string()),
    }
    columns |= {name: panel.static[name].take(pa.array(found.series)) for name in panel.static.column_names}
    return pa.table(
        {
            **columns,
            PAST: sequence_array(cut.past),
            FUTURE: sequence_array(cut.future),
            layout.value: sequence_array(label[:, :, None].astype(np.float32)),
        }
    )


def first_judged(found: Origins, panel: Panel) -> np.ndarray:
    """`(series,)` steps before the first evaluated one; all steps where none is."""
    first = panel.ends.copy()
    evaluated = found.splits == EVAL
    np.minimum.at(first, found.series[evaluated], found.start[evaluated])
    return first


def window_units(columns: dict[str, np.ndarray], horizon: int) -> tuple[np.ndarray, str]:
    """`(windows,)` codes of what intervals draw, and what these are called.

    Series, where there are enough of them; else stretches of time as long as the horizon, so that errors of
    origins whose steps overlap count once, of one series or of several.

    Args:
        columns: Metadata columns of the windows.
        horizon: Steps.
    """
    series = np.unique(columns[SERIES], return_inverse=True)[1]
    if series.max() + 1 >= FEWEST_SERIES:
        return series, "series"
    step = columns[ORIGIN].astype(np.int64)
    # From the last origin backwards, which is where origins a horizon apart are counted from.
    stretches = np.unique((step.max() - step) // horizon, return_inverse=True)[1]
    if stretches.max() + 1 < FEWEST_UNITS <= series.max() + 1:
        return series, "series"
    return stretches, "stretch of time"
