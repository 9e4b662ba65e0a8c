"""Labels that look wrong: texts that a model which has not seen them is sure to be of another class.

C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70
(2021), by cleanlab.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.modalities.text.alike import joined

# Rows that are looked at; fewer than so many a class cannot be held out; and how many are told.
MOST_ROWS, FOLDS, SHOWN = 10_000, 3, 5
# Words of a text that are looked at, and margins of one are so many log odds.
MOST_CHARACTERS, STEEP = 2000, 4.0
# How sure a model must be that a text is of another class.
SURE = 0.6
NONE = np.zeros(0, np.int64)
# An n-gram of one text alone says nothing.
FEWEST_TEXTS = 2


def suspicious(
    table: pa.Table, columns: list[str], labels: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """`(rows found,)` positions of rows whose label looks wrong, the clearest first, and what they read like.

    Args:
        table: Typed rows.
        columns: The text columns.
        labels: `(rows,)` class ids.
        seed: Of the rows that are drawn where there are too many.
    """
    from cleanlab.filter import find_label_issues
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
    from sklearn.model_selection import cross_val_predict
    from sklearn.svm import LinearSVC

    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(labels))[:MOST_ROWS])
    texts = np.array(
        [text[:MOST_CHARACTERS] for text in joined(table.take(pa.array(rows)), columns).to_pylist()], object
    )
    # Texts without a word tell nothing, and of few texts of a class none can be held out.
    there = np.array([re.search(r"\w", text) is not None for text in texts], bool)
    codes, counts = np.unique(labels[rows][there], return_counts=True)
    there &= np.isin(labels[rows], codes[counts >= FOLDS])
    rows, texts = rows[there], texts[there]
    codes, known = np.unique(labels[rows], return_inverse=True)
    if len(codes) < 2:
        return NONE, NONE
    counted = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\w+").fit_transform(texts)
    counted = counted[:, np.asarray((counted > 0).sum(axis=0)).ravel() >= FEWEST_TEXTS]
    if not counted.shape[1]:
        return NONE, NONE
    encoded = TfidfTransformer(sublinear_tf=True).fit_transform(counted)
    margins = cross_val_predict(LinearSVC(C=0.3), encoded, known, cv=FOLDS, method="decision_function")
    if margins.ndim == 1:
        margins = np.stack([-margins, margins], axis=1)
    odds = np.exp(STEEP * (margins - margins.max(axis=1, keepdims=True)))
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    found = np.asarray(
        find_label_issues(
            known, probabilities, return_indices_ranked_by="self_confidence", filter_by="both", n_jobs=1
        ),
        np.int64,
    )
    # Where classes overlap a model often disagrees; only what it is sure of is worth a person's time.
    found = found[probabilities[found].max(axis=1) >= SURE]
    return rows[found], codes[probabilities[found].argmax(axis=1)]


def personal_notes(table: pa.Table, columns: list[str | None]) -> list[str]:
    """A note on columns beside the texts that hold addresses of mail, which are stored as they are.

    Args:
        table: Typed rows.
        columns: What names rows, and what they are sliced by.
    """
    notes = []
    for name in dict.fromkeys(columns):
        if name not in table.column_names or not pa.types.is_string(table[name].type):
            continue
        if pc.any(pc.match_substring_regex(table[name], r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}")).as_py():
            notes.append(f"'{name}' holds addresses of mail and is stored as it is: only texts are masked")
    return notes
