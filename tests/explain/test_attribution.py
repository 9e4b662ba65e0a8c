import numpy as np

from solutionkit.explain.attribution import Attribution

FOUND = Attribution(np.array([[1.0, -2.0], [0.5, 0.5]]), np.array([3.0, 0.0]), np.array([2.0, 1.5]))


def test_the_residual_is_what_is_missed() -> None:
    assert FOUND.residual.tolist() == [0.0, 0.5]
    maps = Attribution(FOUND.values[:, None, :], FOUND.base, FOUND.output)
    assert maps.residual.tolist() == [0.0, 0.5]


def test_rows_are_taken_together() -> None:
    last = FOUND.take(slice(1, None))
    assert (last.values.tolist(), last.base.tolist(), last.output.tolist()) == ([[0.5, 0.5]], [0.0], [1.5])
