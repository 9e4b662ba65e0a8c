"""Scans of patients: images of which findings are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from solutionkit.cells import as_text
from solutionkit.declaration_parts import Clinical
from solutionkit.modalities.image.look_alike import alike_notes
from solutionkit.modalities.image.modality import Images

if TYPE_CHECKING:
    from solutionkit.declaration import Declaration
    from solutionkit.modalities.rows import Dataset
    from solutionkit.report.figures import Section


@dataclass(frozen=True)
class Scans(Images):
    """A folder of scans, or a file of arrays."""

    explanation: str = "solutionkit.explain.scans:explain_scans"
    closer_look: str = "solutionkit.modalities.image.burned_in:closer_look"
    scrutiny: str = "solutionkit.modalities.image.shortcut:scrutinise"

    def after_split(
        self, splits: np.ndarray, data: Dataset, marked: np.ndarray, declaration: Declaration
    ) -> list[str]:
        """Notes on pictures that look alike, of different patients or on both sides."""
        columns, table = declaration.columns, data.table
        names = table[columns.image or ""].to_pylist()
        group = columns.group if columns.group in table.column_names else None
        whose = as_text(table[group]).to_pylist() if group else None
        looks = [picture.looks for picture in data.details.pictures]
        return super().after_split(splits, data, marked, declaration) + alike_notes(
            looks, names, whose, splits
        )

    def sections(self, compared: dict[str, Any]) -> list[Section]:
        """What drives the answer."""
        from solutionkit.modalities.image.shortcut import in_table, in_words
        from solutionkit.report.figures import Section

        told = (
            f"{in_words(compared['models'])} Numbers are by how much the log odds move, on average and either"
            " way, when a square of that corner, or one of the same size within the body, is covered with"
            " what lies about it. A corner is accused where that hits the scans of one group (a value of the"
            " columns of [slices]) otherwise than the others, and more so than squares within the body do."
        )
        own = [Section("drives", "What drives the answer", told, table=in_table(compared["models"]))]
        return [*super().sections(compared), *own]

    def false_alarm_rate(self, declaration: Declaration) -> float | None:
        """What is left of the specificity at which sensitivities are compared."""
        if declaration.business and declaration.business.false_alarm_rate:
            return declaration.business.false_alarm_rate
        return round(1.0 - (declaration.clinical or Clinical()).specificity, 10)
