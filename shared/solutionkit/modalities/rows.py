"""Rows as modalities read and describe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from solutionkit.errors import Problem
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.dialect import UNKNOWN, Dialect
from solutionkit.kinds import Feature


@dataclass(frozen=True)
class Dataset:
    """Raw rows, as a modality reads them.

    Attributes:
        table: The rows; cells of text until their kind is known.
        source: What to call them in errors.
        given: `(rows,)` names of splits, where the data comes in files of its own.
        folds: `(rows,)` see `splitting.training_folds`, where the modality knows them; `given` names all
            splits then, validation too.
        rule: How the modality made splits, in words, where it did.
        copies: Of each row what its copies share, e.g. a file's digest, where there can be such.
        folder: Where the paths of files start, where cells name files.
        computed: Columns that were computed of other rows.
        notes: Oddities and what was left out, one sentence each.
        problems: What must be mended.
        details: What the modality itself wants to know again.
        dialect: How the files are written, as far as that was declared or found out.
    """

    table: pa.Table
    source: str
    given: np.ndarray | None = None
    folds: np.ndarray | None = None
    rule: str = ""
    copies: list[str] | None = None
    folder: Path | None = None
    computed: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    details: Any = None
    dialect: Dialect = UNKNOWN


@dataclass(frozen=True)
class Description:
    """What the columns of a table are.

    Attributes:
        features: The columns that models read.
        ignored: Columns left out, with the reason.
        origin: Where that is known from, in words.
        inferred: Whether the features were inferred and could be frozen into a curated schema.
        problems: What must be mended.
    """

    features: tuple[Feature, ...] = ()
    ignored: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
    inferred: bool = False
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class ScoringRows:
    """Rows without labels that fit a model.

    Attributes:
        table: Typed columns; where cells are files, their paths.
        spec: What the columns are.
        folder: Where the paths start.
        notes: What was left out, one sentence each.
    """

    table: pa.Table
    spec: TableSpec
    folder: Path | None = None
    notes: tuple[str, ...] = ()

    def pieces(self) -> Iterator[pa.Table]:
        """The rows, some at a time where cells are files, whose content then stands there."""
        from solutionkit.examples.encoding import with_files

        return with_files(self.table, self.spec, self.folder)

    @property
    def names(self) -> tuple[str, list[object]]:
        """What to call the rows: a column's name and its values."""
        identity = self.spec.id
        if identity and identity in self.table.column_names:
            return identity, self.table[identity].to_pylist()
        return "row", list(range(self.table.num_rows))
