"""The training side without the rows of a value."""

import numpy as np

from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.left_out import MOST_VALUES, parts_without
from solutionkit.tasks.classification.task import Classification

TASK = Classification("ill", ("no", "yes"))


def rows(count: int, folds: int) -> TransformedSplit:
    place = np.arange(count)
    fold = 1 + place // 2 % folds if folds else None
    return TransformedSplit({"numeric": place[:, None].astype(np.float32)}, place % 2, fold)


def test_no_row_of_a_value_is_left() -> None:
    train, validation = rows(300, 3), rows(60, 0)
    values = [
        np.array(["n", "s", "w"], object)[np.arange(len(part)) // 4 % 3] for part in (train, validation)
    ]
    found = list(parts_without(train, validation, (values[0], values[1]), TASK))
    assert [part.value for part in found] == ["n", "s", "w"]
    for part in found:
        for kept, whole, own in ((part.train, train, values[0]), (part.validation, validation, values[1])):
            there = kept.of("numeric")[:, 0].astype(int)
            np.testing.assert_array_equal(there, np.flatnonzero(own != part.value))
            np.testing.assert_array_equal(kept.label, whole.label[there])
        assert part.train.fold is not None
        assert set(part.train.fold) == {1, 2, 3}


def folds_without_n(train: TransformedSplit, validation: TransformedSplit, own: np.ndarray) -> set[int]:
    values = own, np.repeat(["n", "s"], 30)
    found = {part.value: part.train.fold for part in parts_without(train, validation, values, TASK)}
    assert found["n"] is not None
    return set(found["n"].tolist())


def test_folds_that_are_gone_or_poor_are_none() -> None:
    train, validation = rows(300, 3), rows(60, 0)
    assert train.fold is not None
    # All of the third fold is of the value; so is what the second one has of a class.
    own = np.where(train.fold == 3, "n", "s")
    assert folds_without_n(train, validation, own) == {1, 2}
    poor = np.where((train.fold == 2) & (train.label == 1), "n", "s")
    assert folds_without_n(train, validation, poor) == {1}


def test_where_too_little_is_left_nothing_is_left_out() -> None:
    train, validation = rows(300, 3), rows(60, 0)
    nearly_all = np.array(["n"] * 290 + ["s"] * 10), np.array(["n"] * 50 + ["s"] * 10)
    assert [part.value for part in parts_without(train, validation, nearly_all, TASK)] == ["s"]
    many = np.arange(300) % 10, np.arange(60) % 10
    assert len(list(parts_without(train, validation, many, TASK))) == MOST_VALUES
    alone = np.repeat("n", 300), np.repeat(["n", "s"], 30)
    assert [part.value for part in parts_without(train, validation, alone, TASK)] == ["s"]
