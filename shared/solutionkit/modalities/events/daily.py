"""The report's section on alerts, day by day."""

from __future__ import annotations

from typing import Any

from solutionkit.modalities.events.alerts import CARD_PRECISION
from solutionkit.report.charts import daily_chart
from solutionkit.report.figures import Figure, Section, rungs


def daily_section(compared: dict[str, Any]) -> Section:
    """How many compromised cards each day's alerts find."""
    daily = compared["daily"]
    precision = {
        name: compared["models"][name]["metrics"][CARD_PRECISION] for name in rungs(compared["models"])
    }
    days = len(daily["days"])
    text = (
        f"Each day the {daily['budget']} most suspicious cards are looked into; one that is found to be"
        f" compromised is blocked from then on. {days} days of evaluation; dotted lines are means, bands"
        f" their 95 % intervals, by drawing whole days."
    )
    return Section("days", "Day by day", text, (Figure(daily_chart(daily, precision), ""),))
