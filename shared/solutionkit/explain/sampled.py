"""Shapley values by random walks: slow and plain, so that other methods can be checked by them.

A walk turns a background row into the row, column by column, in a random order; each order is walked
backwards too (R. Mitchell, J. Cooper, E. Frank, G. Holmes, "Sampling Permutations for Shapley Value
Estimation", JMLR 23, 2022). What the answer changes by at a column's turn is that column's contribution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from solutionkit.explain.attribution import Attribution
from solutionkit.kinds import KINDS
from solutionkit.models.arrays import TransformedSplit

ROWS, ORDERS = 5, 64

# `(rows, targets) -> (rows,)` margins.
Margins = Callable[[TransformedSplit, np.ndarray], np.ndarray]


@runtime_checkable
class Checkable(Protocol):
    """An explainer of rows that can be asked what its model says."""

    background: dict[str, np.ndarray]

    def margins(self, rows: TransformedSplit, targets: np.ndarray) -> np.ndarray:
        """`(rows,)` each row's `Task.margin` of its target."""
        ...


def cross_check(
    explainer: Checkable, rows: TransformedSplit, targets: np.ndarray, found: Attribution, seed: int
) -> dict[str, Any] | None:
    """How an explanation of some rows agrees with sampled Shapley values.

    Args:
        explainer: What explained them.
        rows: Of which the first few are looked at.
        targets: `(rows,)` what is explained of each.
        found: The explanation.
        seed: Of the walks.

    Returns:
        `rows`, and the mean `correlation` within a row; None where no row's values differ.
    """
    some = slice(0, ROWS)
    sampled = sampled_shapley(explainer.margins, rows.take(some), targets[some], explainer.background, seed)
    pairs = [
        np.corrcoef(ours, theirs)[0, 1]
        for ours, theirs in zip(found.values[some], sampled, strict=True)
        if ours.std() > 0.0 and theirs.std() > 0.0
    ]
    return {"rows": len(pairs), "correlation": float(np.mean(pairs))} if pairs else None


def sampled_shapley(
    margins: Margins,
    rows: TransformedSplit,
    targets: np.ndarray,
    background: dict[str, np.ndarray],
    seed: int,
    orders: int = ORDERS,
) -> np.ndarray:
    """`(rows, columns)` contributions; a sequence is one column.

    Args:
        margins: What is explained.
        rows: The rows.
        targets: `(rows,)` what is explained of each.
        background: `(others, …)` by kind of column; walks take turns with them.
        seed: Of the orders.
        orders: How many, each forwards and backwards.
    """
    random = np.random.default_rng(seed)
    players = _players(rows)
    count = sum(len(places) for places in players.values())
    forwards = [random.permutation(count) for _ in range(orders)]
    walks = np.array([order for walk in forwards for order in (walk, walk[::-1])])
    # `(walks, steps, columns)`: whether a column is the row's own already.
    rank = np.argsort(walks, axis=1)
    own = rank[:, None, :] < np.arange(count + 1)[None, :, None]
    start = np.arange(len(walks)) // 2 % len(next(iter(background.values())))
    others = np.repeat(start, count + 1)
    flat = own.reshape(-1, count)
    found = np.zeros((len(rows), count))
    for place in range(len(rows)):
        inputs = {}
        for kind, columns in players.items():
            values, other = rows.of(kind)[place], background[kind][others]
            mask = flat[:, columns]
            inputs[kind] = np.where(mask.reshape(*mask.shape, *[1] * (other.ndim - mask.ndim)), values, other)
        hybrids = TransformedSplit(inputs, np.zeros(len(flat)))
        said = margins(hybrids, np.repeat(targets[place : place + 1], len(flat)))
        steps = np.diff(said.reshape(len(walks), count + 1), axis=1)
        contribution = np.zeros((len(walks), count))
        np.put_along_axis(contribution, walks, steps, axis=1)
        found[place] = contribution.mean(axis=0)
    return found


def _players(rows: TransformedSplit) -> dict[str, np.ndarray]:
    """Which columns of `TableSpec.model_columns` each kind's columns are."""
    players, first = {}, 0
    for kind in KINDS:
        if kind not in rows.inputs:
            continue
        values = rows.of(kind)
        size = 1 if KINDS[kind].nested else values.shape[1]
        players[kind] = np.arange(first, first + size)
        first += size
    return players
