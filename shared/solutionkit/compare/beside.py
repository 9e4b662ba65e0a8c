"""What a model needs of its comparison when it is asked about new rows."""

from __future__ import annotations

from typing import Any

from solutionkit.compare.decision import Decision
from solutionkit.examples.columns import FURTHER, KEPT


def told_beside(compared: dict[str, Any], model: str) -> dict[str, Any]:
    """Content of the file beside a model that is pushed (`DECISION_FILE`): decisions, and what else was kept.

    Args:
        compared: Content of `comparison.json`.
        model: Its name.
    """
    decision = Decision.from_json(compared["models"][model]["business"])
    told: dict[str, Any] = decision.to_json() if decision else {"threshold": None}
    if model in compared.get(KEPT, {}):
        told[KEPT] = compared[KEPT][model]
    further = {
        # Earlier versions told no decisions of further labels.
        label: Decision.from_json(found["models"][model].get("business") or {})
        for label, found in compared.get("further", {}).items()
    }
    if decisions := {label: item.to_json() for label, item in further.items() if item is not None}:
        told[FURTHER] = decisions
    return told
