"""Exact Shapley values of trees in the interventional game: columns out of a coalition come from another row.

For one row and one background row a tree's hybrids end in few leaves; a leaf is reached if the columns that
lead the row there are in the coalition and those that lead the background row there are not, and that alone
gives each column's share in closed form (S. Lundberg et al., "From local explanations to global understanding
with explainable AI for trees", Nature Machine Intelligence 2, 2020, algorithm 3). Rows that take the same
turns in a tree share the work. Missing values and categories go where LightGBM sends them; shap's own
interventional explainer is silently wrong where there are categories.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import lightgbm
import numba
import numpy as np

from solutionkit.models.trees import Columns, Tree, read_trees

# Columns on one path of a tree; LightGBM's leaves are fewer.
MOST_ON_A_PATH = 256


@dataclass(frozen=True)
class TreeGame:
    """The trees of a booster as players see them.

    Attributes:
        trees: Of the booster.
        outputs: How many outputs they take turns with.
        columns: What they look at.
        players: `(columns,)` which player each column of the matrix belongs to.
    """

    trees: list[Tree]
    outputs: int
    columns: Columns
    players: np.ndarray

    @classmethod
    def of(cls, booster: lightgbm.Booster, players: np.ndarray) -> TreeGame:
        """Read a booster.

        Args:
            booster: The trees.
            players: `(columns,)` codes from 0: columns of one player are in or out together.
        """
        trees, outputs = read_trees(booster)
        return cls(trees, outputs, Columns([node for tree in trees for node in tree.nodes]), players)

    def values(self, rows: np.ndarray, background: np.ndarray) -> np.ndarray:
        """`(rows, players, outputs)` contributions to the raw sums, from their mean over the background.

        Args:
            rows: `(rows, columns)` as the booster reads them.
            background: `(others, columns)`.
        """
        ours, theirs = self.columns.cells_of(rows), self.columns.cells_of(background)
        found = np.zeros((len(rows), int(self.players.max()) + 1, self.outputs))
        for number, tree in enumerate(self.trees):
            if not tree.nodes:
                continue
            turns, place = _distinct(self._turns(tree, ours, len(rows)))
            others, place_of_other = _distinct(self._turns(tree, theirs, len(background)))
            shares = np.bincount(place_of_other) / len(background)
            part = _values(
                np.array([node.children for node in tree.nodes], np.int64),
                np.array([self.players[node.column] for node in tree.nodes], np.int64),
                np.array(tree.values),
                turns,
                others,
                shares,
                found.shape[1],
                WEIGHTS,
            )
            found[:, :, number % self.outputs] += part[place]
        return found

    def _turns(self, tree: Tree, cells: dict[int, np.ndarray], rows: int) -> np.ndarray:
        """`(rows, nodes)` of 0 and 1: whether a row goes right."""
        turns = np.empty((rows, len(tree.nodes)), np.uint8)
        for place, node in enumerate(tree.nodes):
            turns[:, place] = ~self.columns.decisions(node)[1][cells[node.column]]
        return turns


def _distinct(turns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows, and `(rows,)` which each is."""
    packed = np.packbits(turns, axis=1)
    keys = packed.view([("", packed.dtype)] * packed.shape[1])[:, 0]
    first, place = np.unique(keys, return_index=True, return_inverse=True)[1:]
    return turns[first], place


def _weights() -> np.ndarray:
    """`s! t! / (s + t + 1)!` by `s` and `t`."""
    count = np.arange(MOST_ON_A_PATH)
    logs = np.array([math.lgamma(value + 1.0) for value in range(2 * MOST_ON_A_PATH)])
    weights: np.ndarray = np.exp(
        logs[count][:, None] + logs[count][None] - logs[count[:, None] + count[None] + 1]
    )
    return weights


WEIGHTS = _weights()


@numba.njit(cache=True)  # type: ignore[misc]
def _values(
    children: np.ndarray,
    players: np.ndarray,
    leaves: np.ndarray,
    rows: np.ndarray,
    others: np.ndarray,
    shares: np.ndarray,
    count: int,
    weights: np.ndarray,
) -> np.ndarray:
    """`(rows, players)` of one tree.

    Args:
        children: `(nodes, 2)` numbers of nodes, or `~number` of leaves; the root is the last node.
        players: `(nodes,)`.
        leaves: `(leaves,)` values.
        rows: `(rows, nodes)` turns.
        others: `(others, nodes)` turns of the background.
        shares: `(others,)` how much each counts.
        count: Of players.
        weights: See `_weights`.
    """
    found = np.zeros((len(rows), count))
    nodes = len(children)
    # What is still to be walked: a node, and how many players were in and out when it was met.
    waiting = np.empty((nodes + 1, 3), np.int64)
    side = np.zeros(count, np.int8)
    met = np.empty(nodes + 1, np.int64)
    for row in range(len(rows)):
        for other in range(len(others)):
            side[:] = 0
            depth, within, without, top = 0, 0, 0, 0
            here = nodes - 1
            while True:
                while here >= 0:
                    player = players[here]
                    ours, theirs = rows[row, here], others[other, here]
                    if ours == theirs or side[player] == 1:
                        here = children[here, ours]
                    elif side[player] == 2:
                        here = children[here, theirs]
                    else:
                        # First with the player in; out is tried when this is done.
                        waiting[top, 0], waiting[top, 1], waiting[top, 2] = here, depth, within
                        top += 1
                        side[player] = 1
                        met[depth] = player
                        depth += 1
                        within += 1
                        here = children[here, ours]
                without = depth - within
                value = leaves[-here - 1] * shares[other]
                if within > 0:
                    plus = value * weights[within - 1, without]
                if without > 0:
                    minus = value * weights[within, without - 1]
                for place in range(depth):
                    player = met[place]
                    if side[player] == 1:
                        found[row, player] += plus
                    else:
                        found[row, player] -= minus
                if top == 0:
                    break
                top -= 1
                here, start = waiting[top, 0], waiting[top, 1]
                for place in range(start, depth):
                    side[met[place]] = 0
                depth, within = start, waiting[top, 2]
                player = players[here]
                side[player] = 2
                met[depth] = player
                depth += 1
                here = children[here, others[other, here]]
    return found
