import numpy as np
import pytest
from scipy import stats

from solutionkit.compare.mcnemar import mcnemar_p


def test_only_rows_that_one_of_them_gets_right_count() -> None:
    both = np.ones(500, bool)
    first, second = both.copy(), both.copy()
    second[:9] = False
    first[9:11] = False
    assert mcnemar_p(first, second) == pytest.approx(2 * stats.binom.cdf(2, 11, 0.5))
    assert mcnemar_p(first[:20], second[:20]) == mcnemar_p(first, second)
    assert mcnemar_p(first, second) == mcnemar_p(second, first)


def test_twins() -> None:
    right = np.array([True, False, True])
    assert mcnemar_p(right, right) == 1.0
