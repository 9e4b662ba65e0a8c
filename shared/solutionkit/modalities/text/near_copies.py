"""Texts that are nearly copies of each other: mails that were edited a little and sent again, threads.

By MinHash (A. Broder, "On the resemblance and containment of documents", 1997) of three words each, by
datasketch. Lines that stand in many texts belong to a form that people fill in, and so do all words of texts
of which very many are alike; such texts are no copies.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse import csgraph

# Of their runs of three words, as many are shared by near copies.
ALIKE, RUN, PERMUTATIONS = 0.8, 3, 64
# Shorter texts resemble each other by chance; of longer ones the first words decide.
FEWEST_WORDS, MOST_WORDS = 12, 600
# More texts than these are not looked at.
MOST_TEXTS = 200_000
# A line that stands in so many texts, and in such a share of them, is a form's; of near copies as many.
FORM_TEXTS, FORM_SHARE = 20, 0.002
WORD = re.compile(r"\w+")


def near_copies(texts: pl.Series, seed: int = 1) -> tuple[np.ndarray, int]:
    """`(texts,)` codes that near copies share, and how many texts are so alike that they fill in a form.

    Only one text of each group is looked up, so that many that are alike take no longer than others.

    Args:
        texts: In small letters, with digits evened out.
        seed: Of the permutations.
    """
    from datasketch import MinHash, MinHashLSH

    index, pairs = MinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS), []
    known: dict[int, MinHash] = {}
    for row, text in enumerate(without_forms(texts)):
        words = WORD.findall(text)[:MOST_WORDS]
        if len(words) < FEWEST_WORDS:
            continue
        runs = {" ".join(words[at : at + RUN]).encode() for at in range(len(words) - RUN + 1)}
        sketch = MinHash(PERMUTATIONS, seed=seed)
        sketch.update_batch(runs)
        alike = [other for other in index.query(sketch) if known[other].jaccard(sketch) >= ALIKE]
        pairs += [(row, other) for other in alike]
        if not alike:
            known[row] = sketch
            index.insert(row, sketch)
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    links = sparse.csr_matrix((np.ones(len(first)), (first, second)), (len(texts), len(texts)))
    codes: np.ndarray = csgraph.connected_components(links, directed=False)[1]
    sizes = np.bincount(codes)
    of_forms = sizes[codes] >= most_alike(len(texts)) if len(texts) else np.zeros(0, bool)
    codes[of_forms] = len(sizes) + np.arange(of_forms.sum())
    return np.unique(codes, return_inverse=True)[1], int(of_forms.sum())


def most_alike(texts: int) -> float:
    """As many of so many texts fill in a form, and are no copies."""
    return max(FORM_TEXTS, FORM_SHARE * texts)


def without_forms(texts: pl.Series) -> list[str]:
    """The texts without lines that very many of them have."""
    lines = pl.DataFrame({"row": np.arange(len(texts)), "line": texts.str.split("\n")}).explode("line")
    lines = lines.with_columns(pl.col("line").str.strip_chars())
    counted = lines.unique().group_by("line").len()
    forms = counted.filter(pl.col("len") >= most_alike(len(texts)))["line"]
    kept = lines.filter(~pl.col("line").is_in(forms.implode())).group_by("row", maintain_order=True)
    left = kept.agg(pl.col("line").str.join("\n"))
    result = [""] * len(texts)
    for row, text in left.iter_rows():
        result[row] = text
    return result
