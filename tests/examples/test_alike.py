"""Rows that are alike, and rows that are so by chance."""

import numpy as np

from solutionkit.examples.alike import alike_rows

RANDOM = np.random.default_rng(0)


def test_alike_rows_share_a_code() -> None:
    codes = alike_rows([np.tile(np.arange(40), 3), np.tile(RANDOM.integers(0, 4, 40), 3)])
    assert codes is not None
    assert len(np.unique(codes)) == 40
    assert (codes[:40] == codes[80:]).all()


def test_no_two_alike() -> None:
    assert alike_rows([np.arange(30), RANDOM.integers(0, 2, 30)]) is None
    assert alike_rows([]) is None


def test_coarse_columns_make_rows_alike_by_chance() -> None:
    assert alike_rows([RANDOM.integers(0, 30, 4000) for _ in range(2)]) is None
    # One column, and columns that go together.
    one = RANDOM.integers(0, 3, 400)
    assert alike_rows([one]) is None
    assert alike_rows([one, 2 - one, (one + 1) % 3]) is None


def test_columns_that_follow_from_one_another_make_rows_alike() -> None:
    product = RANDOM.integers(0, 120, 3000)
    follow = [product % 7, product // 3, (product * 7) % 120, product % 40]
    assert alike_rows([product, *follow, RANDOM.integers(0, 20, 3000)]) is None
