"""Copies of a sample's table that are damaged, for the contract that bad input must keep."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv

if TYPE_CHECKING:
    from solutionkit.use_case import Project


class Damaging:
    """Writes damaged copies into a project's folder `damaged`, which is made anew.

    Args:
        project: Whose sample it is.

    Attributes:
        table: The sample.
        text: Its file's text.
    """

    def __init__(self, project: Project) -> None:
        self.text = project.sample_path.read_text("utf-8")
        self.table = pa.csv.read_csv(project.sample_path)
        self._folder = project.folder / "damaged"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def save(self, name: str, content: pa.Table | bytes) -> Path:
        """Write a copy."""
        file = self._folder / f"{name}.csv"
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            pa.csv.write_csv(content, file)
        return file

    def replaced(self, column: str, values: list[Any]) -> pa.Table:
        """The sample with other values in a column."""
        return self.table.set_column(self.table.column_names.index(column), column, pa.array(values))

    def in_no_encoding(self) -> bytes:
        """The sample with a byte before its first cell that means nothing in the usual encodings."""
        return self.text.encode().replace(b"\n", b"\n\x81", 1)
