"""Labels that look wrong: texts that a model which has not seen them is sure to be of another class.

C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70
(2021), by cleanlab.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from solutionkit.modalities.text.alike import joined

# Rows that are looked at; fewer than so many a class cannot be held out; and how many are told.
MOST_ROWS, FOLDS, SHOWN = 10_000, 3, 5
# Words of a text that are looked at, and margins of one are so many log odds.
MOST_CHARACTERS, STEEP = 2000, 4.0


def suspicious(table: pa.Table, columns: list[str], labels: np.ndarray, seed: int) -> np.ndarray:
    """`(rows found,)` positions of rows whose label looks wrong, the clearest first.

    Args:
        table: Typed rows.
        columns: The text columns.
        labels: `(rows,)` class ids.
        seed: Of the rows that are drawn where there are too many.
    """
    from cleanlab.filter import find_label_issues
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import cross_val_predict
    from sklearn.svm import LinearSVC

    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(labels))[:MOST_ROWS])
    codes, counts = np.unique(labels[rows], return_counts=True)
    rows = rows[np.isin(labels[rows], codes[counts >= FOLDS])]
    codes, known = np.unique(labels[rows], return_inverse=True)
    if len(codes) < 2:
        return np.zeros(0, np.int64)
    texts = [text[:MOST_CHARACTERS] for text in joined(table.take(pa.array(rows)), columns).to_pylist()]
    matrix = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2), token_pattern=r"\w+")
    try:
        encoded = matrix.fit_transform(texts)
    except ValueError:
        # No word occurs twice.
        return np.zeros(0, np.int64)
    margins = cross_val_predict(LinearSVC(C=0.3), encoded, known, cv=FOLDS, method="decision_function")
    if margins.ndim == 1:
        margins = np.stack([-margins, margins], axis=1)
    odds = np.exp(STEEP * (margins - margins.max(axis=1, keepdims=True)))
    found = find_label_issues(
        known,
        odds / odds.sum(axis=1, keepdims=True),
        return_indices_ranked_by="self_confidence",
        filter_by="both",
        n_jobs=1,
    )
    positions: np.ndarray = rows[np.asarray(found, np.int64)]
    return positions
