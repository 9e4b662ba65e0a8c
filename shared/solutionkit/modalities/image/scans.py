"""Scans of patients: images of which findings are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solutionkit.declaration_parts import Clinical
from solutionkit.modalities.image.modality import Images

if TYPE_CHECKING:
    from solutionkit.declaration import Declaration


@dataclass(frozen=True)
class Scans(Images):
    """A folder of scans, or a file of arrays."""

    explanation: str = "solutionkit.explain.scans:explain_scans"

    def false_alarm_rate(self, declaration: Declaration) -> float | None:
        """What is left of the specificity at which sensitivities are compared."""
        return round(1.0 - (declaration.clinical or Clinical()).specificity, 10)
