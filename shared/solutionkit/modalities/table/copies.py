"""Rows that stand in a table more than once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.declaration import Declaration
from solutionkit.examples.alike import alike_rows
from solutionkit.splits import EVAL, TRAIN, VALIDATION


def copies(table: pa.Table, declaration: Declaration) -> tuple[list[str] | None, tuple[str, ...]]:
    """Of each row what its copies share, and a note; nothing where no row stands twice.

    Copies are alike in all columns but the label, what names a row and what says on which side it goes. A
    column that is left out counts too, unless it names rows: it may be what tells different rows apart.
    On both sides of a split copies would let a model be judged by what it has learned by heart.

    Args:
        table: The raw rows.
        declaration: What the columns are.
    """
    columns = declaration.columns
    left = {columns.label, columns.id, columns.split}
    encoded = {
        name: _codes(table[name])
        for name in table.column_names
        if name not in left and not pa.types.is_nested(table[name].type)
    }
    named = [name for name in columns.ignore if name in encoded and _names_rows(encoded[name])]
    codes = alike_rows([values for name, values in encoded.items() if name not in named])
    if codes is None:
        return None, ()
    doubled = int((np.bincount(codes)[codes] > 1).sum())
    note = (
        f"{doubled:,} rows stand in the data more than once, alike in all columns but the label; they stay on"
        " one side of a drawn split"
    )
    return [str(code) for code in codes], (note,)


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """`(rows,)` codes from 0 of a column's values, missing ones alike."""
    indices = pc.fill_null(column.combine_chunks().dictionary_encode().indices, -1)
    return np.asarray(indices, np.int64) + 1


def _names_rows(values: np.ndarray) -> bool:
    """Whether no value occurs twice."""
    return len(np.unique(values)) == len(values)


def copies_on_both_sides(found: list[str] | None, splits: np.ndarray) -> list[str]:
    """A note where a given split parts copies.

    Args:
        found: What `copies` gave.
        splits: `(rows,)` names of splits.
    """
    if found is None:
        return []
    codes, is_eval = np.unique(found, return_inverse=True)[1], splits == EVAL
    learned = np.bincount(codes, weights=np.isin(splits, (TRAIN, VALIDATION))) > 0
    if not (count := int((learned[codes] & is_eval).sum())):
        return []
    rows = "1 evaluation row stands" if count == 1 else f"{count:,} evaluation rows stand"
    return [f"{rows} among the training rows too, which flatters the models"]
