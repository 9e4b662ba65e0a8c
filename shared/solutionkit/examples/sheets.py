"""What the XML of a workbook's sheets says that its reader does not tell: how far they reach, what failed."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

BLOCK = 1 << 20
PLACE = re.compile(r"([A-Z]{1,3})(\d{1,9})")


@dataclass
class Sheet:
    """One sheet, as its XML is read.

    Attributes:
        rows: The last row with a value.
        columns: The last column with a value.
        failed: Cells with errors, e.g. #N/A.
        uncalculated: Formulas without a value, but for those whose value is an empty text.
    """

    rows: int = 0
    columns: int = 0
    failed: int = 0
    uncalculated: int = 0
    _row: int = 0
    _column: int = 0
    _cell: dict[str, str] = field(default_factory=dict)
    _formula: bool = False
    _value: bool = False
    _within: str = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._within = _local(name)
        if self._within == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
        elif self._within == "c":
            self._cell, self._formula, self._value = attributes, False, False
            place = PLACE.fullmatch(attributes.get("r", ""))
            self._column = _number(place[1]) if place else self._column + 1
            self._row = int(place[2]) if place else self._row
        elif self._within == "f":
            self._formula = True

    def text(self, text: str) -> None:
        """Text within an element."""
        self._value = self._value or (self._within in {"v", "t"} and bool(text))

    def end(self, name: str) -> None:
        """An element ends."""
        self._within = ""
        if _local(name) != "c":
            return
        kind = self._cell.get("t")
        if self._value:
            self.rows, self.columns = max(self.rows, self._row), max(self.columns, self._column)
        self.failed += kind == "e"
        self.uncalculated += self._formula and not self._value and kind != "str"


def sheets_of(file: Path) -> dict[str, Sheet]:
    """The sheets of a workbook of Excel, by the path that each is stored at.

    Raises:
        ValueError: A part of it is no XML.
    """
    found = {}
    with zipfile.ZipFile(file) as packed:
        for path in packed.namelist():
            if path.endswith(".xml") and (sheet := _read(packed, path)) is not None:
                found[path] = sheet
    return found


def stored_at(file: Path) -> dict[str, str]:
    """Where each sheet of a workbook is stored, by its name.

    Raises:
        ValueError: It does not say.
    """
    names: dict[str, str] = {}
    targets: dict[str, str] = {}

    def sheet(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "sheet":
            link = next((value for key, value in attributes.items() if _local(key) == "id"), "")
            names[attributes.get("name", "")] = link

    def relation(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "Relationship":
            targets[attributes.get("Id", "")] = posixpath.join("/xl", attributes.get("Target", ""))

    with zipfile.ZipFile(file) as packed:
        for path, handler in (("xl/workbook.xml", sheet), ("xl/_rels/workbook.xml.rels", relation)):
            parser = expat.ParserCreate()
            parser.StartElementHandler = handler
            try:
                parser.Parse(packed.read(path), True)
            except (expat.ExpatError, KeyError) as error:
                raise ValueError(f"{path} cannot be read ({error})") from None
    return {name: posixpath.normpath(targets.get(link, "")).lstrip("/") for name, link in names.items()}


def _read(packed: zipfile.ZipFile, path: str) -> Sheet | None:
    """A sheet; None of other parts of a workbook."""
    sheet, roots = Sheet(), list[str]()
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        if not roots:
            roots.append(_local(name))
        sheet.start(name, attributes)

    parser.StartElementHandler, parser.EndElementHandler = start, sheet.end
    parser.CharacterDataHandler = sheet.text
    with packed.open(path) as stream:
        while block := stream.read(BLOCK):
            try:
                parser.Parse(block)
            except expat.ExpatError as error:
                raise ValueError(f"{path} is no XML ({error})") from None
            if roots and roots[0] != "worksheet":
                return None
    return sheet


def _local(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
