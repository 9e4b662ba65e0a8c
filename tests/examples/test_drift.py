"""Evaluation rows that differ from training rows are told of."""

import numpy as np
import pyarrow as pa

from solutionkit.examples.columns import TableSpec
from solutionkit.examples.drift import drift_notes
from solutionkit.kinds import Feature
from solutionkit.splits import EVAL, TRAIN
from solutionkit.tasks.classification.task import Classification

SPEC = TableSpec(
    Classification("y", ("0", "1")),
    (
        Feature("price", "numeric"),
        Feature("weight", "numeric"),
        Feature("shop", "categorical", ("a", "b", "c")),
    ),
)


def rows(count: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    price = random.normal(size=count)
    price[random.random(count) < 0.1] = np.nan
    return {"price": price, "weight": random.normal(size=count), "shop": random.choice(["a", "b"], count)}


def notes(train: dict[str, np.ndarray], evaluation: dict[str, np.ndarray]) -> list[str]:
    table = pa.table(
        {name: pa.array(np.concatenate([train[name], evaluation[name]]), from_pandas=True) for name in train}
    )
    splits = np.repeat([TRAIN, EVAL], [len(train["price"]), len(evaluation["price"])]).astype(object)
    return drift_notes(table, splits, SPEC)


def test_rows_of_the_same_kind_are_no_news() -> None:
    for seed in range(5):
        assert notes(rows(1500, seed), rows(400, 100 + seed)) == []


def test_what_moved_is_named() -> None:
    moved = rows(400, 1)
    moved["price"] += 1.5
    (told,) = notes(rows(1500, 0), moved)
    assert "most by 'price'" in told


def test_a_new_value_is_seen() -> None:
    new = rows(400, 1)
    new["shop"][:350] = "c"
    (told,) = notes(rows(1500, 0), new)
    assert "most by 'shop'" in told


def test_what_only_moves_together_is_seen() -> None:
    """Neither column moves by itself."""
    twisted = rows(1500, 1)
    twisted["weight"] = np.where(np.isnan(twisted["price"]), 0.0, twisted["price"])
    (told,) = notes(rows(1500, 0), twisted)
    assert "'price'" in told
    assert "'weight'" in told


def test_few_rows_tell_nothing() -> None:
    moved = rows(50, 1)
    moved["price"] += 5.0
    assert notes(rows(1500, 0), moved) == []
