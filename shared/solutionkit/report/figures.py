"""A figure of the report."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

# What figures show side by side.
RUNGS = ("simple", "baseline", "deep")


def rungs(known: Collection[str]) -> list[str]:
    """The models that there are, the simplest first.

    Args:
        known: Names.
    """
    return [name for name in RUNGS if name in known]


@dataclass(frozen=True)
class Figure:
    """A chart with what it shows.

    Attributes:
        svg: The chart.
        caption: One sentence or two.
    """

    svg: str
    caption: str


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes:
        name: Its anchor.
        title: Its heading.
        text: What to know before looking.
        figures: Its charts, each as wide as the page.
        table: Its rows of cells, the first one names columns; none where there is no table.
    """

    name: str
    title: str
    text: str
    figures: tuple[Figure, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
