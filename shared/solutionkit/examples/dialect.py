"""How a company writes its files: what is declared of it, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solutionkit.declaration_parts import Written

if TYPE_CHECKING:
    from solutionkit.declaration import Declaration


@dataclass(frozen=True)
class Dialect:
    """How files are written; what is None is found out for each file.

    Attributes:
        delimiter: What separates a CSV's columns.
        decimal: What begins a number's decimals.
        thousands: What groups a number's digits.
        date_format: How dates are written, in the letters of `strptime`, e.g. `%d.%m.%Y`.
        encoding: A text file's encoding, by Python's name.
        sheet: Which sheet of a workbook is read.
        missing: Cells that mean that nothing is known.
        names: Columns whose cells are names or words, and stay as they are written.
        dates: Columns that hold dates, even if they are written as numbers are.
        columns: How the cells of single columns are written, where that is known: a number as
            `written.Style.example`, or a date's format.
        units: What stands beside the numbers of single columns.
    """

    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    date_format: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    missing: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    @classmethod
    def declared(cls, declaration: Declaration) -> Dialect:
        """What a declaration says."""
        data, columns = declaration.data, declaration.columns
        dated = {columns.time, columns.reference, *columns.date} - {None}
        return cls(
            **{**{key: getattr(data, key) for key in Written.model_fields}, "missing": tuple(data.missing)},
            names=tuple(sorted(columns.as_written)),
            dates=tuple(sorted(name for name in dated if name)),
        )


# Nothing is known; all is found out.
UNKNOWN = Dialect()
