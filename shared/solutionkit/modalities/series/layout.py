"""Which column of raw rows plays which part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solutionkit.cells import SHOWN, place
from solutionkit.declaration import Declaration


@dataclass(frozen=True)
class Layout:
    """Which column plays which part in rows of series.

    Attributes:
        series: Columns that together name a series.
        time: When a step is.
        value: What is forecast.
        known: Covariates known beforehand.
        past: Covariates known afterwards alone.
        static: Columns with one value a series.
        zero_gaps: Whether a step without a row means that nothing happened.
        duplicates: What becomes of rows of the same series and time: `refuse`, `sum` or `mean`.
        hierarchy: Columns by which series add up, the coarsest first.
        reconcile: How totals and series agree: `bottom_up` or `mint`.
        wide: What stands side by side where rows are not long: `series`, `times`, or nothing.
        ignored: Columns that play no part.
    """

    series: tuple[str, ...]
    time: str
    value: str
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    zero_gaps: bool = False
    duplicates: str = "refuse"
    hierarchy: tuple[str, ...] = ()
    reconcile: str = "bottom_up"
    wide: str = ""
    ignored: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that name a series and its totals."""
        return tuple(dict.fromkeys((*self.hierarchy, *self.series)))

    @classmethod
    def of(cls, declaration: Declaration, names: list[str]) -> Layout:
        """As declared; columns of `names` that play no part are covariates known afterwards."""
        columns, forecast = declaration.columns, declaration.forecast
        assert forecast is not None
        series = columns.series or []
        listed = (series,) if isinstance(series, str) else tuple(series)
        spoken_for = {*listed, columns.time, columns.label, *forecast.known_future, *forecast.static}
        spoken_for |= {*columns.ignore, columns.id, columns.group}
        return cls(
            listed,
            columns.time or "",
            columns.label,
            tuple(forecast.known_future),
            tuple(name for name in names if name not in spoken_for),
            tuple(forecast.static),
            forecast.gaps == "zero",
            forecast.duplicates,
            tuple(forecast.hierarchy),
            forecast.reconcile,
            forecast.wide or "",
            tuple(columns.ignore),
        )


def listed(rows: np.ndarray) -> str:
    """Some rows, for a message."""
    return ", ".join(place(int(row)) for row in rows[:SHOWN]) + (" …" if len(rows) > SHOWN else "")
