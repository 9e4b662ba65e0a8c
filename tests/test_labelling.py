"""Which rows to label next."""

import numpy as np
from scipy import sparse

from solutionkit.labelling import next_rows


def test_the_least_sure_of_each_kind_comes_first() -> None:
    random = np.random.default_rng(1)
    kind = np.repeat(np.arange(5), 40)
    vectors = sparse.csr_matrix(np.eye(5)[kind] + 0.01 * random.random((200, 5)))
    sure = random.uniform(0.9, 1.0, 200)
    unsure = np.array([3, 44, 85, 126, 167])
    sure[unsure] = np.array([0.5, 0.51, 0.52, 0.53, 0.54])
    # Many of the first kind are unsure, too.
    sure[4:40] = 0.6
    outputs = np.stack([sure, 1.0 - sure], axis=1)
    chosen = next_rows(outputs, vectors, 5)
    assert sorted(chosen) == sorted(unsure)
    assert chosen[0] == 3


def test_few_or_equal_rows_are_all_taken() -> None:
    outputs = np.tile([[0.5, 0.5]], (30, 1))
    same = sparse.csr_matrix(np.ones((30, 4)))
    assert len(next_rows(outputs[:3], same[:3], 5)) == 3
    assert len(np.unique(next_rows(outputs, same, 5))) == 5
