"""Words and lines that tell a class all alone: tags, signatures and forms that come after the decision.

A word that nearly all texts of a class have and hardly another text has is seldom what people write. A whole
line that many texts of one class share, and no others, was written by a machine or by who answered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from scipy import sparse

from solutionkit.modalities.text.alike import joined
from solutionkit.modalities.text.discreet import without_names

# Texts that are looked at, and how much of each.
MOST_ROWS, MOST_CHARACTERS = 20_000, 2000
# Of the texts that have it, as many are of the class; of the class's texts, as many have the word, or line.
ALONE, OF_WORDS, OF_LINES = 0.98, 0.9, 0.1
ALONE_IN_WORDS = "and in hardly another text"
# In so many texts at least, and of so many words a line.
FEWEST_TEXTS, WORDS_OF_A_LINE, SHOWN = 20, 3, 3


def giveaway_notes(
    table: pa.Table, columns: list[str], labels: np.ndarray, names: Sequence[str], seed: int
) -> list[str]:
    """A note on what tells a class all alone; words that may be names are not shown.

    Args:
        table: Typed rows.
        columns: The text columns.
        labels: `(rows,)` class ids.
        names: Of the classes.
        seed: Of the texts that are drawn where there are too many.
    """
    drawn = np.sort(np.random.default_rng(seed).permutation(table.num_rows)[:MOST_ROWS])
    some = [text[:MOST_CHARACTERS] for text in joined(table.take(pa.array(drawn)), columns).to_pylist()]
    texts = pl.Series(some, dtype=pl.String).str.to_lowercase().str.replace_all(r"[0-9]+", "0")
    of_class = labels[drawn]
    told = [
        f"the words '{without_names(words, some)}' stand in {recall:.0%} of '{names[place]}' {ALONE_IN_WORDS}"
        for words, place, recall in strongest(*words_of(texts), of_class, OF_WORDS)
    ]
    told += [
        f"the line '{without_names(line, some)}' stands in {recall:.0%} of '{names[place]}' {ALONE_IN_WORDS}"
        for line, place, recall in strongest(*lines_of(texts), of_class, OF_LINES)
    ]
    if not told:
        return []
    return [f"what may have been written after the label was known: {'; '.join(told[:SHOWN])}"]


def strongest(
    there: sparse.csr_matrix, parts: Sequence[str], labels: np.ndarray, least: float
) -> list[tuple[str, int, float]]:
    """Of each class the part that tells it best, its name and the share of the class that has it.

    Args:
        there: `(texts, parts)` zero or one.
        parts: Their names.
        labels: `(texts,)` class ids.
        least: Of the class's texts, as many must have it.
    """
    classes = int(labels.max(initial=0)) + 1
    ones = (np.ones(len(labels)), (labels, np.arange(len(labels))))
    counts = (sparse.csr_matrix(ones, (classes, len(labels))) @ there).toarray()
    sizes, totals = np.bincount(labels, minlength=classes), counts.sum(axis=0)
    found = []
    # A class that is nearly all there is is told by anything.
    for place in np.flatnonzero((sizes >= FEWEST_TEXTS) & (sizes <= len(labels) / 2)):
        own = counts[place]
        tells = (own >= max(FEWEST_TEXTS, least * sizes[place])) & (own >= ALONE * totals)
        if tells.any():
            best = int(np.flatnonzero(tells)[np.argmax(own[tells])])
            found.append((parts[best], int(place), float(own[best] / sizes[place])))
    return found


def words_of(texts: pl.Series) -> tuple[sparse.csr_matrix, Sequence[str]]:
    """`(texts, words)` which single words and pairs stand in a text, and their names."""
    from sklearn.feature_extraction.text import CountVectorizer

    reader = CountVectorizer(
        binary=True, ngram_range=(1, 2), token_pattern=r"\w+", lowercase=False, min_df=FEWEST_TEXTS
    )
    try:
        there = reader.fit_transform(texts.to_list())
    except ValueError:
        # No word stands in as many texts.
        return sparse.csr_matrix((len(texts), 0)), []
    return there, reader.get_feature_names_out().tolist()


def lines_of(texts: pl.Series) -> tuple[sparse.csr_matrix, Sequence[str]]:
    """`(texts, lines)` which lines of some words stand in a text, and the lines."""
    lines = pl.DataFrame({"row": np.arange(len(texts)), "line": texts.str.split("\n")}).explode("line")
    lines = lines.with_columns(pl.col("line").str.strip_chars()).filter(pl.col("line") != "")
    # What is all of a text was written by whom it is of.
    lines = lines.unique(maintain_order=True).filter(pl.len().over("row") > 1)
    lines = lines.filter(pl.col("line").str.count_matches(r"\w+") >= WORDS_OF_A_LINE)
    lines = lines.filter(pl.len().over("line") >= FEWEST_TEXTS)
    names = lines["line"].unique(maintain_order=True)
    codes = dict(zip(names, range(len(names)), strict=True))
    column = np.array([codes[line] for line in lines["line"]], np.int64)
    row = lines["row"].to_numpy()
    return sparse.csr_matrix((np.ones(len(row)), (row, column)), (len(texts), len(names))), names.to_list()
