"""Which rows to label next: those that a model is unsure of, and that differ from each other.

Uncertainty is the gap between the two largest probabilities (T. Scheffer, C. Decomain, S. Wrobel, IDA 2001);
of the least sure rows one is taken from each of as many clusters as rows are wanted, so that not all of them
ask the same (F. Zhdanov, "Diverse mini-batch active learning", 2019, arXiv 1901.05954).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

# Of rows that are wanted, so many times as many are looked at.
BESIDE = 10
COMPONENTS = 50


def next_rows(outputs: np.ndarray, vectors: sparse.csr_matrix, count: int, seed: int = 0) -> np.ndarray:
    """`(count or fewer,)` positions, the least sure of each cluster, the least sure first.

    Args:
        outputs: `(rows, classes)` probabilities.
        vectors: `(rows, features)` by which rows resemble each other.
        count: How many are wanted.
        seed: Of the clusters.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD

    ordered = np.sort(outputs, axis=1)
    gap = ordered[:, -1] - ordered[:, -2]
    unsure = np.argsort(gap, kind="stable")[: BESIDE * count]
    if len(unsure) <= count:
        return unsure
    some = vectors[unsure]
    size = min(COMPONENTS, min(some.shape) - 1)
    if size > 0:
        some = TruncatedSVD(size, random_state=seed).fit_transform(some)
    weight = 1.0 - gap[unsure] + 1e-6
    cluster = KMeans(count, n_init=1, random_state=seed).fit(some, sample_weight=weight).labels_
    first = np.unique(cluster, return_index=True)[1]
    # Where clusters are fewer than rows wanted, the least sure of the others.
    rest = np.setdiff1d(np.arange(len(unsure)), first)[: count - len(first)]
    chosen: np.ndarray = unsure[np.sort(np.concatenate([first, rest]))]
    return chosen
