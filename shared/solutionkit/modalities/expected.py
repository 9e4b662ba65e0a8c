"""What explanations of a sample are known to have to find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from solutionkit.use_case import UseCase


def ranking_fault(groups: list[dict[str, Any]], use_case: UseCase) -> str | None:
    """Why a ranking does not fit the sample: true drivers come first, irrelevant columns in the lower half.

    Args:
        groups: By subject, where several columns tell of the same thing; else each column is a subject.
        use_case: Names drivers and irrelevant columns.
    """
    ranked = [item["column"] for item in groups]
    drivers, irrelevant = use_case.drivers, use_case.irrelevant
    if unknown := {*drivers, *irrelevant} - set(ranked):
        return f"drivers and irrelevant columns must be features or their subjects: {unknown}"
    if set(ranked[: len(drivers)]) != set(drivers):
        return f"it ranks {ranked[: len(drivers)]} first"
    worst = min((ranked.index(column) for column in irrelevant), default=len(ranked))
    if worst < len(ranked) // 2:
        return f"it ranks the irrelevant column {ranked[worst]} at {worst + 1}"
    return None
