"""Texts that are numbers, by how their decimals and thousands are marked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import is_number
from solutionkit.examples.dates import NO_DATE
from solutionkit.kinds.numeric import MISSING_NUMBERS

# A column is numbers, or dates, when this share of its cells are; the others are errors.
MOSTLY = 0.9
GLIMPSED = 2000
UNIT = r"(?:[€$£¥₹%‰]|EUR|USD|GBP|CHF|JPY)"
UNIT_OF = rf"^[(+-]*\s*(?P<before>{UNIT}?)\s*[(+-]*[\d.,' ]+?[-]?\s*(?P<after>{UNIT}?)\s*[-)]*$"
# Of a share: a number without it is another one.
SHARES = ("%", "‰")
# Blanks that group digits, apostrophes and dashes, as one of each.
SAME = ((r"[\x{00a0}\x{2009}\x{202f}]", " "), ("[’´`]", "'"), (r"[\x{2212}–]", "-"))
NUMBERLIKE = r"^[+-]?(\d[\d.,' ]*|[.,]\d+)$"
# Telephones and addresses of machines.
NAMES = r"^\+\d+ |^0\d+[ ']|^\d{1,3}(\.\d{1,3}){3}$"
# What takes more than digits, points and commas to write a number.
ODD_SIGNS = r"[^0-9.,+-]|.[+-]"


@dataclass(frozen=True)
class Style:
    """A way of writing numbers.

    Example:
        >>> Style(",", ".").example, Style(".").example
        ('1.234,5', '1234.5')

    Attributes:
        decimal: Begins the decimals.
        thousands: Groups the digits; nothing where they are not.
    """

    decimal: str
    thousands: str = ""

    @property
    def example(self) -> str:
        """A number written so."""
        return f"1{self.thousands}234{self.decimal}5"

    @property
    def pattern(self) -> str:
        """What a whole cell is like."""
        point = f"[{self.decimal}]"
        ungrouped = rf"\d+({point}\d*)?|{point}\d+"
        if not self.thousands:
            return rf"^[+-]?({ungrouped})([eE][+-]?\d+)?$"
        return rf"^[+-]?([1-9]\d{{0,2}}([{self.thousands}]\d{{3}})+({point}\d*)?|{ungrouped})$"

    def plain(self, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        """Cells that are written so, without groups and with a point."""
        if self.thousands:
            cells = pc.replace_substring(cells, self.thousands, "")
        return cells if self.decimal == "." else pc.replace_substring(cells, self.decimal, ".")


PLAIN = Style(".")
# The simplest first.
STYLES = [
    PLAIN,
    Style(","),
    *(Style(point, mark) for point, other in ((".", ","), (",", ".")) for mark in (other, " ", "'")),
]
BY_EXAMPLE = {style.example: style for style in STYLES}


def glimpse(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells from all over a column, so many as show what most are."""
    step = max(len(cells) // GLIMPSED, 1)
    return cells.take(pa.array(np.arange(0, len(cells), step)))


def without_missing(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells that hold something."""
    known = cells.drop_null()
    return known.filter(pc.invert(pc.is_in(known, pa.array([*MISSING_NUMBERS, *NO_DATE]))))


@dataclass(frozen=True)
class Numbers:
    """A column of cells that look like numbers.

    Attributes:
        cells: `(rows,)` without units, signs first; null where there is no number.
        options: The styles that may be meant, by their decimal mark.
        units: What stands beside the numbers.
        bare: How many numbers nothing stands beside.
        cleaned: Whether cells are others than those of the file.
    """

    cells: pa.ChunkedArray
    options: dict[str, Style]
    units: tuple[str, ...] = ()
    bare: int = 0
    cleaned: bool = False

    @classmethod
    def of(cls, cells: pa.ChunkedArray, some: pa.ChunkedArray) -> Numbers | None:
        """A column's numbers; None where most of its cells are none.

        Args:
            cells: The column.
            some: Cells of it that hold something.
        """
        if pc.all(is_number(some)).as_py():
            known = without_missing(cells)
            if pc.all(is_number(known)).as_py():
                return cls(cells, _plain_options(some, known))
        plain = cleaned(some)
        like = pc.match_substring_regex(plain, NUMBERLIKE)
        if (
            pc.sum(like).as_py() < MOSTLY * len(plain)
            or pc.any(pc.match_substring_regex(some, NAMES)).as_py()
        ):
            return None
        units: tuple[str, ...] = ()
        bare, odd = 0, pc.any(pc.match_substring_regex(cells, ODD_SIGNS)).as_py()
        if odd:
            units, bare = _units(without_missing(cells))
            cells = cleaned(cells)
        like = pc.fill_null(pc.match_substring_regex(cells, NUMBERLIKE), False)
        if not pc.all(pc.or_(like, pc.is_null(cells))).as_py():
            # No null scalar: Arrow 18 reads past the ends of sliced texts where one is given for all.
            cells = pc.if_else(like, cells, pa.chunked_array([pa.nulls(len(cells), pa.string())]))
        known = cells.drop_null()
        likely = _best({style: _fits(style, plain) for style in STYLES})
        fits = {style: _fits(style, known) for style in likely}
        if max(fits.values(), default=0) < len(known) / 2:
            return None
        options: dict[str, Style] = {}
        for style in _best(fits):
            options.setdefault(style.decimal, style)
        if len(options) == 2 and options["."].plain(known).equals(options[","].plain(known)):
            del options[","]
        return cls(cells, options, units, bare, bool(odd))

    def shows(self) -> str | None:
        """The decimal mark, where cells leave no doubt."""
        if len(self.options) != 1:
            return None
        ((mark, style),) = self.options.items()
        marks = pc.match_substring(self.cells, mark)
        return mark if style.thousands.strip(" '") or pc.any(marks).as_py() else None


def _plain_options(some: pa.ChunkedArray, known: pa.ChunkedArray) -> dict[str, Style]:
    """What numbers that software could have written may be: their points may group thousands."""
    grouped = Style(",", ".")
    for cells in (some, known):
        marked = cells.filter(pc.match_substring(cells, "."))
        if len(marked) and not pc.all(pc.match_substring_regex(marked, grouped.pattern)).as_py():
            return {".": PLAIN}
    return {".": PLAIN, ",": grouped} if len(marked) else {}


def _fits(style: Style, cells: pa.ChunkedArray) -> int:
    return int(pc.sum(pc.match_substring_regex(cells, style.pattern), min_count=0).as_py())


def _best(fits: dict[Style, int]) -> list[Style]:
    most = max(fits.values(), default=0)
    return [style for style, count in fits.items() if count == most > 0]


def _units(known: pa.ChunkedArray) -> tuple[tuple[str, ...], int]:
    """The units, and how many numbers have none."""
    for pattern, sign in SAME:
        known = pc.replace_substring_regex(known, pattern, sign)
    parts = pc.extract_regex(known, UNIT_OF).drop_null()
    if not len(parts):
        return (), 0
    ends = [pc.struct_field(parts, end) for end in ("before", "after")]
    found = {unit for end in ends for unit in pc.unique(end).to_pylist()}
    bare = pc.and_(pc.equal(ends[0], ""), pc.equal(ends[1], ""))
    return tuple(sorted(found - {"", None})), int(pc.sum(bare, min_count=0).as_py())


def cleaned(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells without units, and with a minus at the beginning, as accountants and SAP do not write it."""
    for pattern, sign in SAME:
        cells = pc.replace_substring_regex(cells, pattern, sign)
    cells = pc.replace_substring_regex(cells, r"^\(\s*([^-()]+?)\s*\)$", r"-\1")
    for _ in range(2):
        cells = pc.replace_substring_regex(cells, rf"\s*{UNIT}$", "")
        cells = pc.replace_substring_regex(cells, rf"^([+-]?)\s*{UNIT}\s*", r"\1")
        cells = pc.replace_substring_regex(cells, r"^([^-+]+?)\s*-$", r"-\1")
    return pc.replace_substring_regex(cells, r"^([+-])\s+", r"\1")
