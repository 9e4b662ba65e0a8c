from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.declaration import Columns, Data, Declaration
from solutionkit.errors import DataError
from solutionkit.examples.splitting import Sides, assign_splits, training_folds
from solutionkit.splits import EVAL, LEFT_OUT, TRAIN, VALIDATION

ROWS = 1000
RANDOM = np.random.default_rng(0)
LABELS = (RANDOM.random(ROWS) < 0.1).astype(int)
TABLE = pa.table(
    {
        "when": [f"2026-01-01 00:{i // 60 % 60:02}:{i % 60:02}" for i in RANDOM.permutation(ROWS)],
        "who": [f"P{i // 10}" for i in range(ROWS)],
        "part": ["test" if i % 4 == 0 else "train" for i in range(ROWS)],
    }
)


def declare(kind: str, **columns: Any) -> Declaration:
    return Declaration(data=Data(path="x.csv", split=kind), columns=Columns(label="y", **columns))  # type: ignore[arg-type]


def assign(declaration: Declaration) -> np.ndarray:
    splits, sentence, left = assign_splits(Sides(TABLE, declaration, "x.csv", LABELS))
    drawn = declaration.data.split in {"random", "stratified", "group"}
    assert (f"seed {declaration.training.seed}" in sentence) == drawn
    assert set(splits) == {TRAIN, VALIDATION, EVAL}
    assert left == []
    return splits


@pytest.mark.parametrize("split", ["random", "stratified"])
def test_shares_and_seed(split: str) -> None:
    splits = assign(declare(split))
    assert (splits == EVAL).mean() == pytest.approx(0.2, abs=0.002)
    assert (splits == VALIDATION).mean() == pytest.approx(0.8 * 0.15, abs=0.003)
    assert (splits == assign(declare(split))).all()


def test_stratified_keeps_the_label_share() -> None:
    splits = assign(declare("stratified"))
    for name in (TRAIN, VALIDATION, EVAL):
        assert LABELS[splits == name].mean() == pytest.approx(LABELS.mean(), abs=0.01)


def test_time_trains_on_the_past_only() -> None:
    splits = assign(declare("time", time="when"))
    times = np.array(TABLE["when"].to_pylist(), "datetime64[s]")
    assert times[splits == TRAIN].max() <= times[splits == VALIDATION].min()
    assert times[splits == VALIDATION].max() <= times[splits == EVAL].min()


@pytest.mark.parametrize("shared", [True, False], ids=["known groups", "new groups"])
def test_validation_is_the_latest_whatever_else_is_declared(shared: bool) -> None:
    when = np.arange(ROWS)
    who = np.random.default_rng(0).integers(0, 40, ROWS) if shared else when // 20
    part = np.where(when >= 800, "test", "train")
    table = pa.table({"when": when, "who": who.astype(str), "part": part})
    declaration = declare("column", time="when", group="who", split="part")
    sides = Sides(table, declaration, "x.csv", LABELS, units=np.unique(who, return_inverse=True)[1])
    splits, _, _ = assign_splits(sides)
    assert when[splits == TRAIN].max() < when[splits == VALIDATION].min()
    assert (splits == VALIDATION).sum() == pytest.approx(120, abs=20)
    assert set(training_folds(splits, sides)) == {-1, 0, 1}
    if not shared:
        assert not set(who[splits == TRAIN]) & set(who[splits == VALIDATION])


@pytest.mark.parametrize("last", [0.85, 1.0], ids=["most", "all"])
def test_groups_that_last_until_the_end_are_drawn(last: float) -> None:
    random = np.random.default_rng(0)
    who = np.repeat(np.arange(200), 5)
    when = np.tile(np.arange(5), 200)
    ended = random.random(200) > last
    when = np.where(ended[who] & (when == 4), 3, when)
    part = np.where(who < 40, "test", "train")
    table = pa.table({"when": when, "who": who.astype(str), "part": part})
    declaration = declare("column", time="when", group="who", split="part")
    splits, _, _ = assign_splits(Sides(table, declaration, "x.csv", LABELS, units=who))
    assert (splits == VALIDATION).sum() == pytest.approx(120, abs=10)
    assert not set(who[splits == TRAIN]) & set(who[splits == VALIDATION])


def test_a_time_says_nothing_of_an_evaluation_drawn_at_random() -> None:
    splits = assign(declare("stratified", time="when"))
    times = np.array(TABLE["when"].to_pylist(), "datetime64[s]")
    assert times[splits == TRAIN].max() > times[splits == VALIDATION].min()


def test_rows_of_the_same_time_stay_together() -> None:
    months = pa.table({"when": [f"2026-{1 + i // 100:02}-01" for i in range(ROWS)]})
    splits, _, _ = assign_splits(Sides(months, declare("time", time="when"), "x.csv", LABELS))
    parts = {month: set(splits[i * 100 : (i + 1) * 100]) for i, month in enumerate(range(10))}
    assert all(len(part) == 1 for part in parts.values())
    assert [*(next(iter(part)) for part in parts.values())] == [TRAIN] * 7 + [VALIDATION] + [EVAL] * 2


@pytest.mark.parametrize("units", [None, np.arange(ROWS) // 10])
def test_folds_are_as_large_as_the_validation(units: np.ndarray | None) -> None:
    sides = Sides(TABLE, declare("stratified"), "x.csv", LABELS, units)
    splits, _, _ = assign_splits(sides)
    folds = training_folds(splits, sides)
    assert ((folds == 0) == (splits == VALIDATION)).all()
    assert ((folds < 0) == (splits == EVAL)).all()
    assert np.unique(folds).tolist() == [-1, 0, 1, 2, 3, 4, 5, 6]
    counts = np.bincount(folds[folds >= 0])
    assert counts.max() < 1.4 * counts.min()
    if units is None:
        shares = [LABELS[folds == fold].mean() for fold in range(7)]
        assert np.ptp(shares) < 0.02
    else:
        assert all(len(np.unique(folds[units == unit])) == 1 for unit in np.unique(units))


def test_a_large_unit_fills_a_fold_alone() -> None:
    units = np.where(np.arange(ROWS) < 300, 0, np.arange(ROWS))
    sides = Sides(TABLE, declare("stratified"), "x.csv", np.zeros(ROWS, int), units)
    splits = np.full(ROWS, TRAIN, object)
    splits[-100:] = VALIDATION
    counts = np.bincount(training_folds(splits, sides))
    assert sorted(counts.tolist()) == [100, *[120] * 5, 300]


@pytest.mark.parametrize(("fraction", "folds"), [(0.001, 10), (0.15, 7), (0.3, 3), (0.6, 2)])
def test_few_folds_whatever_is_held_out(fraction: float, folds: int) -> None:
    data = Data(path="x.csv", split="stratified", validation_fraction=fraction)  # type: ignore[arg-type]
    sides = Sides(TABLE, Declaration(data=data, columns=Columns(label="y")), "x.csv", LABELS)
    found = training_folds(assign_splits(sides)[0], sides)
    assert len(np.unique(found[found >= 0])) == folds


def test_in_time_the_latest_rows_alone_are_held_out() -> None:
    sides = Sides(TABLE, declare("time", time="when"), "x.csv", LABELS)
    folds = training_folds(assign_splits(sides)[0], sides)
    assert np.unique(folds).tolist() == [-1, 0, 1]


def test_groups_never_straddle() -> None:
    splits = assign(declare("group", group="who"))
    groups = np.array(TABLE["who"].to_pylist())
    for group in np.unique(groups):
        assert len(set(splits[groups == group])) == 1
    assert (splits == EVAL).mean() == pytest.approx(0.2, abs=0.03)


def test_a_column_decides() -> None:
    splits = assign(declare("column", split="part"))
    assert ((splits == EVAL) == (np.array(TABLE["part"].to_pylist()) == "test")).all()


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        (declare("column", split="other"), "split column 'other' is missing"),
        (declare("column", split="who"), "marks no rows for evaluation"),
        (declare("time", time="other"), "time column 'other' is missing"),
        (declare("time", time="who"), "time column 'who'"),
        (declare("group", group="other"), "group column 'other' is missing"),
    ],
)
def test_unusable_columns(declaration: Declaration, message: str) -> None:
    with pytest.raises(DataError, match=message):
        assign_splits(Sides(TABLE, declaration, "x.csv", LABELS))


def test_without_a_delay_and_without_cards_nothing_is_left_out() -> None:
    splits, _, notes = assign_splits(Sides(TABLE, declare("time", time="when"), "x.csv", LABELS))
    assert notes == []
    assert LEFT_OUT not in splits


@pytest.mark.parametrize(
    ("data", "columns", "says"),
    [
        (
            {"split": "time", "label_delay": "200d"},
            {},
            "no training row's label was known when the evaluation begins",
        ),
        ({"split": "column"}, {"split": "part"}, "the evaluation must follow the training rows in time"),
    ],
)
def test_a_split_that_could_not_be_so_in_life_is_refused(data: dict, columns: dict, says: str) -> None:
    declaration = Declaration(
        data=Data(path="x.csv", **data), columns=Columns(label="y", time="when", **columns)
    )
    days = [str(np.datetime64("2026-01-01") + np.timedelta64(i % 100, "D")) for i in range(ROWS)]
    table = TABLE.set_column(0, "when", pa.array(days))
    with pytest.raises(DataError) as error:
        assign_splits(Sides(table, declaration, "x.csv", LABELS, ordered=True))
    assert says in str(error.value)
