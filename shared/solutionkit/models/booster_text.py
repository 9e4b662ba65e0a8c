"""LightGBM's text of a model, changed where training cannot: boosters made one, and thresholds moved.

TensorFlow computes some columns, and the last bit of a value differs by where it stands in a batch and by
what the graph optimiser does. So training values a few roundings apart count as one, and thresholds lie off
the grid on which values do.
"""

from __future__ import annotations

import lightgbm
import numpy as np

ROUNDINGS = 4.0
GOLDEN_SECTION = (5**0.5 - 1) / 2


def mean_of(boosters: list[lightgbm.Booster]) -> lightgbm.Booster:
    """Boosters of the same columns as one, whose raw sums are the mean of theirs."""
    if len(boosters) == 1:
        return boosters[0]
    texts = [booster.model_to_string() for booster in boosters]
    head = texts[0].partition("\nTree=")[0]
    # Lengths in bytes, which no longer hold; LightGBM reads a model without them.
    head = "\n".join(line for line in head.split("\n") if not line.startswith("tree_sizes="))
    trees: list[str] = []
    for text in texts:
        body = text.partition("\nTree=")[2].partition("\nend of trees")[0]
        trees += [
            f"Tree={len(trees) + i}\n{_scaled(tree, len(texts))}" for i, tree in enumerate(_trees(body))
        ]
    end = "end of trees" + texts[0].partition("\nend of trees")[2]
    return lightgbm.Booster(model_str="\n".join([head, "", *trees, end]))


def _trees(body: str) -> list[str]:
    """The texts of trees, without their numbers."""
    return [tree.partition("\n")[2].rstrip("\n") + "\n" for tree in body.split("\nTree=")]


def _scaled(tree: str, count: int) -> str:
    """A tree's text with every value divided."""
    lines = tree.split("\n")
    for number, line in enumerate(lines):
        key, _, values = line.partition("=")
        if key in {"leaf_value", "internal_value"} and values:
            lines[number] = f"{key}={' '.join(repr(float(value) / count) for value in values.split())}"
    return "\n".join(lines)


def off_the_grid(model: str, matrix: np.ndarray) -> str:
    """A model's text with each numeric threshold moved within the gap between two training values.

    LightGBM splits in the middle of two values. Shares and counts lie on a grid, so a value that training
    never saw can lie in that very middle, where its last bit decides, and that bit depends on who computes
    it. No grid has a point at the golden section. Training rows go where they went.

    Args:
        model: What `Booster.model_to_string` gives.
        matrix: What it was trained on.
    """
    distinct = [np.unique(column[~np.isnan(column)]) for column in matrix.T]
    lines = model.split("\n")
    columns: list[int] = []
    for number, line in enumerate(lines):
        key, _, values = line.partition("=")
        if key == "split_feature":
            columns = [int(value) for value in values.split()]
        elif key == "threshold" and columns:
            kinds = [int(value) for value in lines[number + 1].removeprefix("decision_type=").split()]
            moved = [
                value if kind & 1 else repr(_golden(float(value), distinct[column]))
                for value, kind, column in zip(values.split(), kinds, columns, strict=True)
            ]
            lines[number] = f"threshold={' '.join(moved)}"
    # Lengths in bytes, which no longer hold; LightGBM reads a model without them.
    return "\n".join(line for line in lines if not line.startswith("tree_sizes="))


def _golden(threshold: float, distinct: np.ndarray) -> float:
    """A threshold at the golden section of its gap; as it was, outside the values."""
    above = int(np.searchsorted(distinct, threshold, side="right"))
    if not 0 < above < len(distinct):
        return threshold
    low, high = float(distinct[above - 1]), float(distinct[above])
    return low + GOLDEN_SECTION * (high - low)


def without_rounding_noise(values: np.ndarray) -> np.ndarray:
    """`(rows,)` values in which those a few float32 roundings apart are one.

    A computed value can differ in its last bit by where it stands in a batch and by what TensorFlow's graph
    optimiser does. A split between two such values would send the same row left here and right in a server;
    without them, every split lies well between two values.
    """
    known = ~np.isnan(values)
    distinct, place = np.unique(values[known], return_inverse=True)
    if not len(distinct):
        return values
    noise = ROUNDINGS * np.finfo(np.float32).eps * np.maximum(np.abs(distinct[1:]), 1.0)
    cell = np.concatenate([[0], np.cumsum(np.diff(distinct) > noise)])
    first = distinct[np.concatenate([[True], np.diff(cell) > 0])]
    clean = values.copy()
    clean[known] = first[cell[place]]
    return clean
