"""What kind of demand a series has, and how much of it: by these, results are shown separately.

A. Syntetos, J. Boylan, J. Croston, "On the categorization of demand patterns", Journal of the Operational
Research Society 56 (2005): by how far apart demand is and how much its size varies.
"""

from __future__ import annotations

import numpy as np

from solutionkit.modalities.series.panel import Panel

PATTERN, VOLUME = "demand_pattern", "demand_volume"
FAR_APART, VARIED = 1.32, 0.49


def patterns(panel: Panel, until: np.ndarray) -> np.ndarray:
    """`(series,)` smooth, erratic, intermittent or lumpy; unknown without any demand.

    Args:
        panel: The series.
        until: `(series,)` steps of each that count.
    """
    series, values = _counted(panel, until)
    count = np.bincount(series, minlength=len(panel)).astype(float)
    busy = values != 0.0
    times = np.bincount(series[busy], minlength=len(panel)).astype(float)
    total = np.bincount(series[busy], weights=values[busy], minlength=len(panel))
    squares = np.bincount(series[busy], weights=values[busy] ** 2, minlength=len(panel))
    apart = np.divide(count, times, out=np.full(len(panel), np.inf), where=times > 0)
    mean = np.divide(total, times, out=np.zeros(len(panel)), where=times > 0)
    variance = np.divide(squares, times, out=np.zeros(len(panel)), where=times > 0) - mean**2
    varied = np.divide(variance, mean**2, out=np.zeros(len(panel)), where=mean != 0)
    often, even = apart < FAR_APART, varied < VARIED
    names = np.select([often & even, often, even], ["smooth", "erratic", "intermittent"], "lumpy").astype(
        object
    )
    return np.where(times > 0, names, "unknown")


def volumes(panel: Panel, until: np.ndarray) -> np.ndarray:
    """`(series,)` high, middle or low: thirds of the series by their mean.

    Args:
        panel: The series.
        until: `(series,)` steps of each that count.
    """
    series, values = _counted(panel, until)
    count = np.maximum(np.bincount(series, minlength=len(panel)), 1)
    mean = np.bincount(series, weights=np.abs(values), minlength=len(panel)) / count
    rank = np.argsort(np.argsort(mean, kind="stable"), kind="stable") / max(len(panel), 1)
    return np.select([rank < 1 / 3, rank < 2 / 3], ["low", "middle"], "high").astype(object)


def _counted(panel: Panel, until: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of series and values of the known steps that count."""
    sizes = np.diff(panel.offsets)
    series = np.repeat(np.arange(len(panel)), sizes)
    within = np.arange(len(panel.values)) - panel.offsets[series]
    known = (within < until[series]) & ~np.isnan(panel.values)
    return series[known], panel.values[known]
