"""Numbers and dates as companies write them -> decimal points and ISO 8601, or a question.

`2.249,75`, `1 234,5-`, `(1,234.56)`, `12,5 %`, `31.12.2025` and `12/31/25 11:59 PM` are cells of text. A
column is read in one way, found out from its own cells and those of the columns beside it. What could mean
two things is asked; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import SHOWN, place, shortened
from solutionkit.errors import Problem
from solutionkit.examples.dates import DATE_LIKE, NO_DATE, Candidates, candidates, date_like, parsed
from solutionkit.examples.dialect import Dialect
from solutionkit.examples.numbers import (
    BY_EXAMPLE,
    MOSTLY,
    PLAIN,
    SHARES,
    Numbers,
    Style,
    glimpse,
    without_missing,
)
from solutionkit.kinds.numeric import MISSING_NUMBERS

# Digits with marks, before a word, or of a date: measured, rather than a name; and such names all the same.
MEASURED = (
    r"^[^\w]*(\d[\d.,'’:/ ]*[.,'’:/ ][\d.,'’:/ ]*|\d[\d.,'’ ]* [A-Za-z%°/²³]{1,8}"
    r"|\d[\d.,]*(?:[kKmMgGhlst%]|[ckm]?m[²³]?|k?g|min|[kKMGT]B|[kM]?Wh)"
    rf"|{DATE_LIKE})[-)]?$"
)
ADDRESS = r"^\d+(\.\d+){3}$"
# Eight digits that may be a day.
PACKED_DAY = r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"
# Two digits of a year are taken for one of this century up to 68; so far ahead that is a mistake.
FARTHEST = timedelta(days=20 * 365)


@dataclass
class Found:
    """A table whose numbers and dates are written in one way.

    Attributes:
        table: The cells.
        columns: How columns were written that were written otherwise, see `Dialect.columns`.
        units: What stood beside numbers, by column.
        problems: What could mean two things, or is mixed.
        notes: What may have been meant otherwise.
    """

    table: pa.Table
    columns: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def told(self) -> list[str]:
        """A sentence on each way of writing."""
        by_style: dict[str, list[str]] = {}
        for name, style in self.columns.items():
            if style == PLAIN.example:
                continue
            by_style.setdefault(style, []).append(f"'{name}'")
        told = [
            f"{', '.join(names)} {'are' if len(names) > 1 else 'is'} read as"
            f" {'numbers' if style in BY_EXAMPLE else 'dates'} like {style_shown(style)}"
            for style, names in by_style.items()
        ]
        told += [f"'{name}' is in {unit}, which is left out" for name, unit in self.units.items()]
        return told + self.notes

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
    return style if style in BY_EXAMPLE else date(2025, 12, 31).strftime(style)


def understood(table: pa.Table, dialect: Dialect, hint: str | None = None) -> Found:
    """Bring a table's texts that are numbers or dates into one form.

    Args:
        table: Trimmed cells.
        dialect: What is declared, and what is known of single columns.
        hint: The decimal mark that goes with what separates the file's columns, where cells leave it open.
    """
    found = Found(table)
    numbers: dict[str, Numbers] = {}
    dates: dict[str, pa.ChunkedArray] = {}
    digits = dialect.date_format is not None and not any(mark in dialect.date_format for mark in "-./ ")
    for name in table.column_names:
        if digits and name in dialect.dates and pa.types.is_integer(found.table[name].type):
            found.put(name, found.table[name].cast(pa.string()))
        cells = found.table[name]
        if name in dialect.names or not pa.types.is_string(cells.type):
            continue
        some = without_missing(glimpse(cells))
        some = some if len(some) else without_missing(cells)
        if not len(some):
            continue
        # Digits alone may be anything.
        stated = dialect.date_format if not digits or name in dialect.dates else None
        if (stated and _mostly(parsed(some, stated))) or date_like(some, MOSTLY):
            dates[name] = without_missing(cells)
        elif (of_column := Numbers.of(cells, some)) is not None:
            numbers[name] = of_column
            if pc.all(pc.match_substring_regex(some, PACKED_DAY)).as_py():
                found.notes.append(
                    f"'{name}' is read as numbers and looks like days; list it under columns.date and state"
                    ' date_format = "%Y%m%d" if it is'
                )
    _take_numbers(found, numbers, dialect, hint)
    _take_dates(found, dates, dialect)
    return found


def _mostly(values: pa.ChunkedArray) -> bool:
    return int(values.null_count) <= (1 - MOSTLY) * len(values)


def _take_numbers(found: Found, numbers: dict[str, Numbers], dialect: Dialect, hint: str | None) -> None:
    shown = {mark for item in numbers.values() if (mark := item.shows())}
    for name, item in numbers.items():
        known = BY_EXAMPLE.get(dialect.columns.get(name, ""))
        style = _chosen(item.options, known, shown, dialect, hint)
        if (mixed := _mixed(item, dialect.units.get(name))) is not None:
            rows = pc.indices_nonzero(pc.is_valid(item.cells)).to_pylist()
            remedy = "write one unit into the column, without its sign"
            found.refuse(Problem("mixed_units", mixed, remedy, name), rows)
            continue
        if style is None and item.options:
            rows = pc.indices_nonzero(pc.match_substring_regex(item.cells, "[.,]")).to_pylist()
            message = "may hold thousands or decimals"
            remedy = 'say under [data] which: decimal = "." or decimal = ","'
            found.refuse(Problem("ambiguous_numbers", message, remedy, name), rows)
            continue
        if style is None:
            continue
        fits = pc.match_substring_regex(item.cells, style.pattern)
        odd = pc.indices_nonzero(pc.fill_null(pc.invert(fits), False)).to_pylist()
        if odd:
            message = f"holds numbers like {style.example}, and others"
            found.refuse(Problem("mixed_numbers", message, "write all of them in one way", name), odd)
            continue
        found.columns[name] = style.example
        if len(item.options) > 1 and style == PLAIN and known is None and not shown and not dialect.decimal:
            found.notes.append(
                f"all decimals of '{name}' have three digits: say decimal = \",\" under [data] if its points"
                " group thousands"
            )
        if item.units:
            found.units[name] = item.units[0]
        if style != PLAIN or item.cleaned:
            found.put(name, pc.if_else(pc.is_valid(item.cells), style.plain(item.cells), found.table[name]))


def _mixed(item: Numbers, known: str | None) -> str | None:
    """What is mixed in a column, or other than in the rows that a model has learned from."""
    if len(item.units) > 1:
        return f"mixes {' and '.join(item.units)}"
    if item.units and known and item.units[0] != known:
        return f"is in {item.units[0]}, and was in {known} before"
    if item.units and item.units[0] in SHARES and item.bare:
        return f"has {item.units[0]} beside some numbers alone"
    return None


def _chosen(
    options: dict[str, Style], known: Style | None, shown: set[str], dialect: Dialect, hint: str | None
) -> Style | None:
    """The style that is meant; None where there is none, or that cannot be said.

    Args:
        options: The styles that may be, by decimal mark.
        known: How the column was written before.
        shown: The decimal marks that other columns leave no doubt of.
        dialect: What is declared.
        hint: See `understood`.
    """
    if len(options) < 2:
        return next(iter(options.values()), None)
    grouped = (mark for mark, style in options.items() if style.thousands == dialect.thousands)
    by_rule: list[Callable[[], str | None]] = [
        lambda: dialect.decimal,
        lambda: next(grouped, None) if dialect.thousands else None,
        lambda: known.decimal if known and shown <= {known.decimal} else None,
        lambda: next(iter(shown)) if len(shown) == 1 and known is None else None,
        lambda: (
            hint if hint in options and not options[hint].thousands and not shown | {known} - {None} else None
        ),
    ]
    mark = next((mark for rule in by_rule if (mark := rule()) is not None), None)
    return options.get(mark) if mark else None


def _take_dates(found: Found, dates: dict[str, pa.ChunkedArray], dialect: Dialect) -> None:
    formats = {name: candidates(known, dialect.date_format, MOSTLY) for name, known in dates.items()}
    shown = {_order(item.formats[0]) for item in formats.values() if len(item.formats) == 1}
    for name, item in formats.items():
        values = found.table[name]
        choice = _format(item, dialect.columns.get(name), shown)
        if choice is None:
            if item.formats:
                first = pc.indices_nonzero(pc.is_valid(values)).to_pylist()
                ways = " or ".join(f'"{form}"' for form in item.formats)
                remedy = f"say under [data] which: date_format = {ways}"
                message = "may hold day or month first"
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
        latest = (date.today() + FARTHEST).isoformat()
        if "%y" in choice and (pc.max(read).as_py() or "") > latest:
            rows = pc.indices_nonzero(pc.greater(read, latest)).to_pylist()
            message = "has years of two digits that would lie far ahead"
            found.refuse(Problem("two_digits", message, "write years of four digits", name), rows)
            continue
        if not read.equals(values):
            found.put(name, read)
            if choice != "%Y-%m-%d" and not item.alike:
                found.columns[name] = choice


def _order(form: str) -> str:
    """A format's order of day, month and year, whatever stands between."""
    return "".join(letter for letter in form.lower() if letter in "dmby")


def _format(item: Candidates, known: str | None, shown: set[str]) -> str | None:
    """The format that is meant; None where there is none, or that cannot be said."""
    if len(item.formats) == 1 or item.alike:
        return item.formats[0]
    if known in item.formats:
        return known
    likely = [form for form in item.formats if _order(form) in shown]
    return likely[0] if len(likely) == 1 else None


def measured(values: pa.ChunkedArray) -> bool:
    """Whether texts look like numbers or times that are written in a way that is not read."""
    if not pa.types.is_string(values.type):
        return False
    known = pc.unique(values.drop_null())
    like = pc.match_substring_regex(known, MEASURED)
    like = pc.and_(like, pc.invert(pc.match_substring_regex(known, ADDRESS)))
    return bool(len(known) and pc.sum(like).as_py() >= MOSTLY * len(known))
