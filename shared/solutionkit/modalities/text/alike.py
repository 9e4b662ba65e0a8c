"""Texts that are alike: copies of each other, of about the same length, in the same language."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import as_text
from solutionkit.kinds.text_cleaning import DONE
from solutionkit.modalities.text.near_copies import MOST_TEXTS, near_copies

GROUPS = ("short", "medium", "long")
# Texts that are shorter are copies only if their digits are the same, too.
FEWEST_CHARACTERS = 30
# Characters by which a language is told.
MOST_READ, UNKNOWN = 1000, "unknown"


def joined(table: pa.Table, columns: list[str]) -> pa.ChunkedArray:
    """`(rows,)` the texts of a row, one after the other, without the mark of those that were cleaned."""
    texts = [pc.replace_substring(pc.fill_null(as_text(table[name]), ""), DONE, "") for name in columns]
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "\n")


def alike_texts(table: pa.Table, columns: list[str]) -> tuple[list[str] | None, tuple[str, ...]]:
    """Of each row what its copies share, and a note; nothing where no text stands twice.

    Copies differ in nothing but capitals, digits and spaces, or are near copies (`near_copies`): a message
    that a machine writes with another number each time would otherwise be learned by heart and judged by
    itself.

    Args:
        table: The raw rows.
        columns: The text columns.
    """
    texts = pl.DataFrame({"text": pl.from_arrow(joined(table, columns))})
    lower = pl.col("text").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    alike = lower.str.replace_all(r"[0-9]+", "0")
    # Of a short text the digits may be all there is to tell.
    wordy = alike.str.len_chars() >= FEWEST_CHARACTERS
    row = pl.int_range(pl.len()).cast(pl.String)
    named = pl.when(lower == "").then(pl.lit("row ") + row).when(wordy).then(alike).otherwise(lower)
    hashed = texts.select(named.hash(seed=0)).to_series().to_numpy()
    first, codes = np.unique(hashed, return_index=True, return_inverse=True)[1:]
    doubled = _shared(codes)
    notes = []
    if doubled:
        notes.append(
            f"{doubled:,} rows have the text of another one, but for capitals, digits and spaces; they stay"
            " on one side of a drawn split"
        )
    if len(first) > MOST_TEXTS:
        notes.append(f"near copies are not looked for among more than {MOST_TEXTS:,} texts")
    else:
        # Lines are kept apart, because those that many texts have are a form's.
        evened = pl.col("text").str.to_lowercase().str.replace_all(r"[0-9]+", "0")
        found, filled = near_copies(texts.select(evened).to_series()[first])
        codes = found[codes]
        if near := _shared(codes) - doubled:
            notes.append(f"{near:,} more are nearly copies of another one; they stay on one side, too")
        if filled:
            notes.append(
                f"{filled:,} texts fill in a form that many others fill in, and are not taken for copies"
            )
    return ([str(code) for code in codes], tuple(notes)) if _shared(codes) else (None, tuple(notes))


def _shared(codes: np.ndarray) -> int:
    """How many rows share their code with another one."""
    return int((np.bincount(codes)[codes] > 1).sum())


def length_groups(table: pa.Table, columns: list[str]) -> pa.Array:
    """`(rows,)` whether the texts are in the shortest, the middle or the longest third."""
    sizes = pc.utf8_length(joined(table, columns)).to_numpy()
    bounds = np.quantile(sizes, [1 / 3, 2 / 3]) if len(sizes) else [0, 0]
    return pa.array(np.array(GROUPS, object)[np.searchsorted(bounds, sizes)], pa.string())


def languages(table: pa.Table, columns: list[str]) -> pa.Array:
    """`(rows,)` the likeliest language of the texts, by ISO 639-1; unknown where there are no words.

    M. Lui, T. Baldwin, "langid.py: an off-the-shelf language identification tool", ACL 2012, by py3langid,
    which carries its model.

    Args:
        table: The raw rows.
        columns: The text columns.
    """
    import py3langid

    texts = joined(table, columns).to_pylist()
    told = [py3langid.classify(text[:MOST_READ])[0] if text.strip() else UNKNOWN for text in texts]
    return pa.array(told, pa.string())
