"""Numbers and dates as companies write them -> decimal points and ISO 8601, or a question.

`2.249,75`, `1 234,5-`, `(1,234.56)`, `12,5 %`, `31.12.2025` and `12/31/25 11:59 PM` are cells of text. A
column is read in one way, found out from its own cells and those of the columns beside it. What could mean
two things is asked; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import SHOWN, is_number, place, shortened
from solutionkit.errors import Problem
from solutionkit.examples.dates import DATE_WORDS, NO_DATE, candidates, date_like, parsed
from solutionkit.examples.dialect import Dialect
from solutionkit.kinds.numeric import MISSING_NUMBERS

# A column is numbers, or dates, when this share of its cells are; the others are errors.
MOSTLY = 0.9
UNIT = r"(?:[€$£¥₹%‰]|EUR|USD|GBP|CHF|JPY)"
UNIT_OF = rf"^[+-]?\s*(?P<before>{UNIT}?)\s*[+-]?[\d.,' ]+?\s*(?P<after>{UNIT}?)$"
# Blanks that group digits, and apostrophes, as one of each.
SAME = ((r"[\x{00a0}\x{2009}\x{202f}]", " "), ("[’´`]", "'"), (r"[\x{2212}–]", "-"))
NUMBERLIKE = r"^[+-]?(\d[\d.,' ]*|[.,]\d+)$"
# Digits with marks, or before a word: measured, rather than a name; and such names all the same.
MEASURED = rf"^[^\w]*(\d[\d.,'’:/ ]*[.,'’:/ ][\d.,'’:/ ]*|\d[\d.,'’ ]* [A-Za-z%°/²³]{{1,8}}|{DATE_WORDS})$"
ADDRESS = r"^\d+(\.\d+){3}$"


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


# What takes more than digits, points and commas to write a number.
ODD_SIGNS = r"[^0-9.,+-]|.[+-]"
GLIMPSED = 2000
PLAIN = Style(".")
# The simplest first.
STYLES = [
    PLAIN,
    Style(","),
    *(Style(point, mark) for point, other in ((".", ","), (",", ".")) for mark in (other, " ", "'")),
]
BY_EXAMPLE = {style.example: style for style in STYLES}


@dataclass
class Found:
    """A table whose numbers and dates are written in one way.

    Attributes:
        table: The cells.
        columns: How columns were written that were written otherwise, see `Dialect.columns`.
        units: What stood beside numbers, by column.
        problems: What could mean two things, or is mixed.
    """

    table: pa.Table
    columns: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def told(self) -> list[str]:
        """A sentence on each way of writing."""
        by_style: dict[str, list[str]] = {}
        for name, style in self.columns.items():
            by_style.setdefault(style, []).append(f"'{name}'")
        told = [
            f"{', '.join(names)} {'are' if len(names) > 1 else 'is'} read as"
            f" {'numbers' if style in BY_EXAMPLE else 'dates'} like {style_shown(style)}"
            for style, names in by_style.items()
        ]
        return told + [f"'{name}' is in {unit}, which is left out" for name, unit in self.units.items()]

    def put(self, name: str, cells: pa.ChunkedArray) -> None:
        """Other cells for a column."""
        self.table = self.table.set_column(self.table.column_names.index(name), name, cells)

    def refuse(self, problem: Problem, rows: list[int]) -> None:
        """Tell of cells that cannot be read, after a message that begins with what the column does.

        Args:
            problem: Names the column.
            rows: Where the cells are.
        """
        name = problem.column or ""
        values = self.table[name]
        shown = ", ".join(f"{place(row)}: '{shortened(values[row].as_py())}'" for row in rows[:SHOWN])
        more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
        message = f"the column '{name}' {problem.message} ({shown}{more})"
        self.problems.append(replace(problem, message=message, rows=tuple(rows[:SHOWN])))


def style_shown(style: str) -> str:
    """An example of a way of writing.

    Example:
        >>> style_shown("%d.%m.%Y"), style_shown("1.234,5")
        ('31.12.2025', '1.234,5')
    """
    from datetime import date

    return style if style in BY_EXAMPLE else date(2025, 12, 31).strftime(style)


def understood(
    table: pa.Table, dialect: Dialect, but: Collection[str] = (), hint: str | None = None
) -> Found:
    """Bring a table's texts that are numbers or dates into one form.

    Args:
        table: Trimmed cells.
        dialect: What is declared, and what is known of single columns.
        but: Columns that stay as they are, because they are declared to be something else.
        hint: The decimal mark that goes with what separates the file's columns, where cells leave it open.
    """
    found = Found(table)
    numbers: dict[str, Numbers] = {}
    dates: dict[str, pa.ChunkedArray] = {}
    for name in table.column_names:
        if name in but or not pa.types.is_string(table[name].type):
            continue
        cells = table[name]
        some = without_missing(glimpse(cells))
        if not len(some):
            some = without_missing(cells)
        if not len(some):
            continue
        if (dialect.date_format and _mostly(parsed(some, dialect.date_format))) or date_like(some, MOSTLY):
            dates[name] = without_missing(pc.unique(cells))
        elif (of_column := Numbers.of(cells, some)) is not None:
            numbers[name] = of_column
    _take_numbers(found, numbers, dialect, hint)
    _take_dates(found, dates, dialect)
    return found


def glimpse(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells from all over a column, so many as show what most are."""
    step = max(len(cells) // GLIMPSED, 1)
    return cells.take(pa.array(np.arange(0, len(cells), step)))


def without_missing(cells: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    """The cells that hold something."""
    known = cells.drop_null()
    known = known.filter(pc.invert(pc.is_in(known, pa.array([*MISSING_NUMBERS, *NO_DATE]))))
    return known if isinstance(known, pa.ChunkedArray) else pa.chunked_array([known])


def _mostly(values: pa.ChunkedArray) -> bool:
    return int(values.null_count) <= (1 - MOSTLY) * len(values)


# -- numbers


@dataclass(frozen=True)
class Numbers:
    """A column of cells that look like numbers.

    Attributes:
        cells: `(rows,)` without units, signs first; null where there is no number.
        options: The styles that may be meant, by their decimal mark.
        unit: What stands beside the numbers.
        units: All that does.
    """

    cells: pa.ChunkedArray
    options: dict[str, Style]
    units: tuple[str, ...] = ()

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
        bare = _without_units(some)
        if pc.sum(pc.match_substring_regex(bare, NUMBERLIKE)).as_py() < MOSTLY * len(bare):
            return None
        units: tuple[str, ...] = ()
        if pc.any(pc.match_substring_regex(cells, ODD_SIGNS)).as_py():
            units, cells = _units(without_missing(cells)), _without_units(cells)
        numberlike = pc.fill_null(pc.match_substring_regex(cells, NUMBERLIKE), False)
        if not pc.all(pc.or_(numberlike, pc.is_null(cells))).as_py():
            cells = pc.if_else(numberlike, cells, _nothing(cells))
        known = cells.drop_null()
        likely = _best({style: _fits(style, bare) for style in STYLES})
        options: dict[str, Style] = {}
        for style in _best({style: _fits(style, known) for style in likely}):
            options.setdefault(style.decimal, style)
        if len(options) == 2 and options["."].plain(known).equals(options[","].plain(known)):
            del options[","]
        return cls(cells, options, units)

    def shows(self) -> str | None:
        """The decimal mark, where cells leave no doubt."""
        (mark,) = self.options if len(self.options) == 1 else (None,)
        if mark is None:
            return None
        marks = pc.match_substring(self.cells, mark)
        grouped = self.options[mark].thousands.strip(" '")
        return mark if grouped or pc.any(marks).as_py() else None


def _nothing(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """As many empty cells; Arrow 18 reads past the ends of sliced texts where one is given for all."""
    return pa.chunked_array([pa.nulls(len(cells), pa.string())])


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


def _units(known: pa.ChunkedArray) -> tuple[str, ...]:
    parts = pc.extract_regex(known, UNIT_OF).drop_null()
    if not len(parts):
        return ()
    found = {
        unit for end in ("before", "after") for unit in pc.unique(pc.struct_field(parts, end)).to_pylist()
    }
    return tuple(sorted(found - {"", None}))


def _without_units(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    for pattern, sign in SAME:
        cells = pc.replace_substring_regex(cells, pattern, sign)
    cells = pc.replace_substring_regex(cells, rf"\s*{UNIT}$", "")
    cells = pc.replace_substring_regex(cells, rf"^([+-]?)\s*{UNIT}\s*", r"\1")
    # Accountants' and SAP's ways of being negative.
    cells = pc.replace_substring_regex(cells, r"^\(\s*([^-()]+?)\s*\)$", r"-\1")
    cells = pc.replace_substring_regex(cells, r"^([^-+]+?)\s*-$", r"-\1")
    return pc.replace_substring_regex(cells, r"^([+-])\s+", r"\1")


def _take_numbers(found: Found, numbers: dict[str, Numbers], dialect: Dialect, hint: str | None) -> None:
    shown = {mark for item in numbers.values() if (mark := item.shows())}
    for name, item in numbers.items():
        style = _chosen(item.options, BY_EXAMPLE.get(dialect.columns.get(name, "")), shown, dialect, hint)
        values = found.table[name]
        if len(item.units) > 1:
            rows = pc.indices_nonzero(pc.is_valid(item.cells)).to_pylist()
            message = f"mixes {' and '.join(item.units)}"
            remedy = "write one unit into the column, without its sign"
            found.refuse(Problem("mixed_units", message, remedy, name), rows)
        elif style is None and item.options:
            rows = pc.indices_nonzero(pc.match_substring_regex(item.cells, "[.,]")).to_pylist()
            message = "may hold thousands or decimals"
            remedy = 'say under [data] which: decimal = "." or decimal = ","'
            found.refuse(Problem("ambiguous_numbers", message, remedy, name), rows)
        elif style is not None and (style != PLAIN or item.units):
            fits = pc.match_substring_regex(item.cells, style.pattern)
            odd = pc.indices_nonzero(pc.fill_null(pc.invert(fits), False)).to_pylist()
            if odd:
                message = f"holds numbers like {style.example}, and others"
                remedy = "write all of them in one way"
                found.refuse(Problem("mixed_numbers", message, remedy, name), odd)
                continue
            if style != PLAIN:
                found.columns[name] = style.example
            if item.units:
                found.units[name] = item.units[0]
            found.put(name, pc.if_else(pc.is_valid(item.cells), style.plain(item.cells), values))


def _chosen(
    options: dict[str, Style], known: Style | None, shown: set[str], dialect: Dialect, hint: str | None
) -> Style | None:
    """The style that is meant; None where there is none, or that cannot be said."""
    if len(options) < 2:
        return next(iter(options.values()), None)
    by_rule: list[Callable[[], str | None]] = [
        lambda: dialect.decimal,
        lambda: next(
            (m for m, s in options.items() if dialect.thousands and s.thousands == dialect.thousands), None
        ),
        lambda: known.decimal if known else None,
        lambda: next(iter(shown)) if len(shown) == 1 else None,
        # A point is what software writes; a comma, of a file that was not separated by commas.
        lambda: "." if PLAIN in options.values() and not shown and hint is None else None,
        lambda: hint if hint in options and not options[hint].thousands and not shown else None,
    ]
    mark = next((mark for rule in by_rule if (mark := rule()) is not None), None)
    return options.get(mark) if mark else None


# -- dates


def _take_dates(found: Found, dates: dict[str, pa.ChunkedArray], dialect: Dialect) -> None:
    formats = {name: candidates(known, dialect.date_format, MOSTLY) for name, known in dates.items()}
    shown = {options[0].replace("%y", "%Y") for options in formats.values() if len(options) == 1}
    for name, options in formats.items():
        stated = dialect.columns.get(name)
        likely = [item for item in options if item.replace("%y", "%Y") in shown]
        choice = options[0] if len(options) == 1 else stated if stated in options else None
        choice = choice or (likely[0] if len(likely) == 1 else None)
        values = found.table[name]
        if choice is None:
            if options:
                first = pc.indices_nonzero(pc.is_valid(values)).to_pylist()
                ways = " or ".join(f'"{item}"' for item in options)
                message = "may hold day or month first"
                remedy = f"say under [data] which: date_format = {ways}"
                found.refuse(Problem("ambiguous_dates", message, remedy, name), first)
            continue
        nothing = pc.is_in(values, pa.array([*MISSING_NUMBERS, *NO_DATE]))
        read = parsed(values, choice)
        odd = pc.and_(pc.and_(pc.is_valid(values), pc.is_null(read)), pc.invert(nothing))
        rows = pc.indices_nonzero(odd).to_pylist()
        if rows:
            message = f"holds dates like {style_shown(choice)}, and others"
            found.refuse(Problem("no_dates", message, "mend the cells, or empty them", name), rows)
            continue
        if not read.equals(values):
            found.put(name, read)
            if choice != "%Y-%m-%d":
                found.columns[name] = choice


# -- what is left


def measured(values: pa.ChunkedArray) -> bool:
    """Whether texts look like numbers or times that are written in a way that is not read."""
    if not pa.types.is_string(values.type):
        return False
    known = pc.unique(values.drop_null())
    like = pc.match_substring_regex(known, MEASURED)
    like = pc.and_(like, pc.invert(pc.match_substring_regex(known, ADDRESS)))
    return bool(len(known) and pc.sum(like).as_py() >= MOSTLY * len(known))
