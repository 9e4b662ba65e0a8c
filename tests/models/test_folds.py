import numpy as np
import pytest

from solutionkit.declaration import Training
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.folds import fold_codes, parted

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
