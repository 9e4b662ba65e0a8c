"""Rows to predict on or to explain: a table or images without labels, as an exported model reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from solutionkit.errors import DataError, UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.conform import conform, table_inputs
from solutionkit.examples.encoding import with_files
from solutionkit.examples.history import KnownRows, known_model
from solutionkit.examples.images import SHOWN, SUFFIXES, image_files
from solutionkit.examples.pictures import inspect_files
from solutionkit.examples.reading import read_table


@dataclass(frozen=True)
class RawRows:
    """Rows that fit a model.

    Attributes:
        table: Typed columns (see `conform`); of images the paths.
        spec: What the columns are.
        folder: Where the paths start.
    """

    table: pa.Table
    spec: TableSpec
    folder: Path | None = None

    def pieces(self) -> Iterator[pa.Table]:
        """The rows, some at a time where they are images, which then are bytes."""
        return with_files(self.table, self.spec, self.folder)

    @property
    def names(self) -> tuple[str, list[object]]:
        """What to call the rows: a column's name and its values."""
        identity = self.spec.id
        if identity and identity in self.table.column_names:
            return identity, self.table[identity].to_pylist()
        return "row", list(range(self.table.num_rows))


def read_rows(source: Path, spec: TableSpec, known: KnownRows | None = None) -> RawRows:
    """A file's or a folder's rows as a model's columns; the label may be absent.

    Args:
        source: The file or folder.
        spec: What the columns are.
        known: Rows known so far, where columns are computed of what was before.

    Raises:
        UserError: It is unreadable, columns are missing or of the wrong kind, images are broken, or the
            model's columns were computed otherwise.
    """
    if spec.image:
        return _read_images(source, spec)
    raw = read_table(source)
    known_model(spec, known)
    if known is not None:
        raw = known.features(raw, str(source))
    table, problems = conform(raw, spec, labelled=False)
    if problems:
        raise DataError(str(source), problems)
    return RawRows(table, spec)


def _read_images(source: Path, spec: TableSpec) -> RawRows:
    if source.is_file():
        if source.suffix.lower() not in SUFFIXES:
            raise UserError(
                f"{source}: this model reads images: a PNG, JPEG, BMP or TIFF file, or a folder of them."
            )
        folder, paths = source.parent, [source.name]
    else:
        folder, paths = source, image_files(source)
    found = inspect_files(folder, paths)
    problems = [f"{path} {item}" for path, item in zip(paths, found, strict=True) if isinstance(item, str)]
    if problems:
        more = [f"and {len(problems) - SHOWN} more files like these"] if len(problems) > SHOWN else []
        raise DataError(str(source), [*problems[:SHOWN], *more])
    assert spec.image is not None
    columns = {spec.image.name: paths}
    # A model with an id of its own is asked for images, whose paths then name the rows.
    columns[spec.id or spec.image.name] = paths
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    return RawRows(table, spec, folder)


def raw_values(table: pa.Table, spec: TableSpec) -> dict[str, np.ndarray]:
    """Typed columns as arrays by their own names: NaN and "" for missing."""
    inputs, names = table_inputs(table, spec), spec.input_names
    return {name: inputs[names[name]] for name in spec.model_columns}
