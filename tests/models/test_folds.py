import numpy as np
import pytest

from solutionkit.declaration import Training
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.folds import among_all, drawn, fold_codes, parted

TRAIN = TransformedSplit({"numeric": np.zeros((6, 1))}, np.zeros(6, np.int64), np.array([1, 1, 2, 2, 3, 3]))
ROWS = TRAIN.joined(TransformedSplit({"numeric": np.zeros((2, 1))}, np.ones(2, np.int64)))


@pytest.mark.parametrize(
    ("preset", "most", "codes"),
    [
        ("standard", 100, [1, 1, 2, 2, 3, 3, 0, 0]),
        ("standard", 16, [1, 1, -1, -1, -1, -1, 0, 0]),
        ("standard", 7, [-1, -1, -1, -1, -1, -1, 0, 0]),
        ("quick", 100, [-1, -1, -1, -1, -1, -1, 0, 0]),
        (None, 100, [-1, -1, -1, -1, -1, -1, 0, 0]),
    ],
)
def test_a_large_table_has_fewer_fits(preset: str | None, most: int, codes: list[int]) -> None:
    training = Training.model_validate({"preset": preset})
    assert fold_codes(ROWS, training, most).tolist() == codes


def test_scores_are_of_rows_that_were_held_out() -> None:
    held_out = np.arange(8.0)[:, None]
    train, validation = parted(held_out, 6)
    assert train is not None
    assert (train[:, 0].tolist(), validation[:, 0].tolist()) == ([0, 1, 2, 3, 4, 5], [6, 7])
    held_out[:6] = np.nan
    assert parted(held_out, 6)[0] is None


def test_rows_that_are_too_many_are_drawn_and_their_scores_put_back() -> None:
    assert drawn(5, 5, 1).tolist() == [0, 1, 2, 3, 4]
    chosen = drawn(100, 10, 1)
    assert len(np.unique(chosen)) == 10
    assert (np.diff(chosen) > 0).all()
    scores = np.arange(20.0).reshape(10, 2)
    found = among_all(scores, chosen, 100)
    assert found is not None
    assert np.array_equal(found[chosen], scores)
    assert np.isnan(found).any(axis=1).sum() == 90
    assert among_all(None, chosen, 100) is None
    assert among_all(scores, np.arange(10), 10) is scores
