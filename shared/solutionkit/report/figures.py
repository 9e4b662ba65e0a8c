"""A figure of the report."""

from __future__ import annotations

from dataclasses import dataclass

# Those that figures show side by side.
MODELS = ("baseline", "deep")


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
    """

    name: str
    title: str
    text: str
    figures: tuple[Figure, ...]
