"""Texts that are alike: copies of each other, of about the same length, in the same language."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import as_text

GROUPS = ("short", "medium", "long")
# Texts that are shorter are copies only if their digits are the same, too.
FEWEST_CHARACTERS = 30
# Characters by which a language is told.
MOST_READ, UNKNOWN = 1000, "unknown"


def joined(table: pa.Table, columns: list[str]) -> pa.ChunkedArray:
    """`(rows,)` the texts of a row, one after the other."""
    texts = [pc.fill_null(as_text(table[name]), "") for name in columns]
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "\n")


def alike_texts(table: pa.Table, columns: list[str]) -> tuple[list[str] | None, tuple[str, ...]]:
    """Of each row what its copies share, and a note; nothing where no text stands twice.

    Copies differ in nothing but capitals, digits and spaces: a message that a machine writes with another
    number each time would otherwise be learned by heart and judged by itself.

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
    codes = texts.select(named.hash(seed=0)).to_series().to_numpy()
    counts = np.unique(codes, return_inverse=True)[1]
    doubled = int((np.bincount(counts)[counts] > 1).sum())
    if not doubled:
        return None, ()
    note = (
        f"{doubled:,} rows have the text of another one, but for capitals, digits and spaces; they stay on"
        " one side of a drawn split"
    )
    return [str(code) for code in codes], (note,)


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
