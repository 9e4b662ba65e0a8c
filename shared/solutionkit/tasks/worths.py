"""Keys of [business] and [clinical], and which of them mean something for a task."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from solutionkit.errors import Problem

if TYPE_CHECKING:
    from solutionkit.declaration import Declaration

CLINICAL_WARNING = "This is no medical device; a clinician decides."
# What the outcomes of flagging rows are worth.
OUTCOMES = ("true_positive", "false_positive", "false_negative", "true_negative")
OF_FLAGS = frozenset((*OUTCOMES, "false_alarm_rate", "recovered", "investigation_cost", "alert_budget"))


def unread_worths(
    declaration: Declaration, task: str, worths: Collection[str], clinical: bool
) -> list[Problem]:
    """Keys that are set and mean nothing.

    Args:
        declaration: What is declared.
        task: The task's name.
        worths: Keys of [business] that mean something for it, beside the currency.
        clinical: Whether the table [clinical] does.
    """
    business, found = declaration.business, []
    if declaration.clinical and not clinical:
        found.append(Problem("unread_key", f"[clinical] means nothing for the task '{task}'", "remove it"))
    usual = type(business)() if business else None
    return found + [
        Problem("unread_key", f"business.{name} means nothing for the task '{task}'", "remove it")
        for name, value in business or ()
        if name not in {"currency", *worths} and value != getattr(usual, name)
    ]
