"""LightGBM's trees as tables, from which plain TensorFlow ops can score without a custom op.

Every leaf of every tree is a bit; eight share a byte. A column's values fall into few cells: between two
thresholds, missing, or one category. For each cell, one row of the table says which leaves a value there
leaves reachable. The AND of a row a column is then one bit a tree: the leaf that the walk would end in.
So there is no walk at all (QuickScorer: Lucchese et al., SIGIR 2015, with whole rows instead of single
nodes). The rules for missing values and categories are those of `NumericalDecision` and
`CategoricalDecision` in LightGBM's `include/LightGBM/tree.h`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

INFINITE_THRESHOLD = 1e300
# LightGBM's kZeroThreshold: values this small count as zero where zero means missing.
ZERO_THRESHOLD = 1e-35
LEAVES_PER_WORD = 8
WORDS_PER_ENTRY = 8
# Half of what a graph's constants may weigh together (protobuf's 2 GB).
LARGEST_TABLE = 1 << 30


@dataclass(frozen=True)
class Forest:
    """All trees as one table of reachable leaves.

    Words (bytes) are ordered by output, so that each output's score is the sum over a range of them.

    Attributes:
        table: `(cells, words / 8)` int64, eight words an entry: the leaves a cell leaves reachable.
        leaves: `(words / 8,)` int64, all leaves.
        values: `(words * 9,)` float64: of each word nothing (0.0), then the values of its leaves.
        bounds: `(outputs + 1,)` where each output's words begin and end.
        numeric: Numeric columns, in the table's order; each has a cell a threshold and three more: above
            the last threshold, NaN, and zero where that means missing.
        thresholds: A sorted float64 array a numeric column; a cell ends at its threshold, inclusive.
        zero_is_missing: `(numeric columns,)` whether zero goes where NaN goes.
        categorical: Categorical columns, after the numeric ones; a cell a category and one for all others.
        widths: `(categorical columns,)` number of categories that any node names, counted from zero.
        objective: `binary`, `multiclass`, `regression` or `quantile`.
        sigmoid: The binary objective's slope.
    """

    table: np.ndarray
    leaves: np.ndarray
    values: np.ndarray
    bounds: np.ndarray
    numeric: list[int]
    thresholds: list[np.ndarray]
    zero_is_missing: np.ndarray
    categorical: list[int]
    widths: np.ndarray
    objective: str
    sigmoid: float

    @property
    def first_cells(self) -> np.ndarray:
        """`(columns,)` row of each column's first cell, numeric columns first."""
        counts = [len(values) + 3 for values in self.thresholds] + [width + 1 for width in self.widths]
        return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64) if counts else np.zeros(0, int)


@dataclass(frozen=True)
class Node:
    """A decision.

    Attributes:
        structure: As LightGBM dumps it.
        left: The leaves, by their number in the tree, where it is true.
        right: The others below it.
        children: On either side the number of the node below, or of a leaf as `~number`.
    """

    structure: dict[str, Any]
    left: range
    right: range
    children: tuple[int, int]

    @property
    def column(self) -> int:
        """The column that it looks at."""
        return int(self.structure["split_feature"])

    @property
    def categories(self) -> list[int] | None:
        """The categories that go left; None for a numeric decision."""
        if self.structure["decision_type"] != "==":
            return None
        return [int(member) for member in str(self.structure["threshold"]).split("||")]

    @property
    def threshold(self) -> float:
        """LightGBM writes an infinite threshold (missing against all others) as 1e300."""
        threshold = float(self.structure["threshold"])
        return math.copysign(math.inf, threshold) if abs(threshold) >= INFINITE_THRESHOLD else threshold

    @property
    def nan_left(self) -> bool:
        """Where nothing means missing, LightGBM reads NaN as zero."""
        if self.structure["missing_type"] == "None":
            return self.threshold >= 0.0
        return bool(self.structure["default_left"])

    @property
    def zero_is_missing(self) -> bool:
        """Whether LightGBM treats zero as it treats NaN."""
        return bool(self.structure["missing_type"] == "Zero")


@dataclass(frozen=True)
class Tree:
    """A tree.

    Attributes:
        nodes: Its decisions, the first one last.
        values: Of its leaves, from left to right.
    """

    nodes: list[Node]
    values: list[float]


def read_trees(booster: lightgbm.Booster) -> tuple[list[Tree], int]:
    """The trees of a booster in its order, and how many outputs they take turns with.

    Raises:
        ValueError: It has linear trees.
    """
    dump = booster.dump_model()
    return [_read(tree["tree_structure"]) for tree in dump["tree_info"]], dump["num_tree_per_iteration"]


def read_forest(booster: lightgbm.Booster) -> Forest:
    """The trees of a booster.

    Raises:
        ValueError: The objective or the kind of tree has no conversion, or the table would be too large.
    """
    dump = booster.dump_model()
    objective, *options = dump.get("objective", "regression").split(" ")
    settings = dict(option.split(":", 1) for option in options if ":" in option)
    if objective not in {"binary", "multiclass", "regression", "quantile"} or "sqrt" in options:
        raise ValueError(f"objective '{dump.get('objective')}' has no conversion to TensorFlow ops")
    if dump.get("average_output"):
        raise ValueError("boosting='rf' (averaged output) has no conversion to TensorFlow ops")
    outputs = dump["num_tree_per_iteration"]
    read = [_read(tree["tree_structure"]) for tree in dump["tree_info"]]
    trees = [tree for output in range(outputs) for tree in read[output::outputs]]
    words = [-(-len(tree.values) // LEAVES_PER_WORD) for tree in trees]
    first_words = np.concatenate([[0], np.cumsum(words)]).astype(int)
    per_output = len(trees) // outputs
    nodes = [node for tree in trees for node in tree.nodes]
    columns = Columns(nodes)
    shape = (columns.cells, -(-int(first_words[-1]) // WORDS_PER_ENTRY) * WORDS_PER_ENTRY)
    if math.prod(shape) > LARGEST_TABLE:
        raise ValueError(
            f"{len(trees)} trees over {columns.cells} cells of values make a table of {math.prod(shape):,}"
            " bytes, too large for a graph; train fewer or smaller trees"
        )
    leaves = np.zeros(shape[1], np.uint8)
    values = np.zeros((shape[1], 1 + LEAVES_PER_WORD))
    for first, tree in zip(first_words, trees, strict=False):
        leaves[first:] |= _bits(range(len(tree.values)), shape[1] - first)
        for leaf, value in enumerate(tree.values):
            values[first + leaf // LEAVES_PER_WORD, 1 + leaf % LEAVES_PER_WORD] = value
    table = np.tile(leaves, (shape[0], 1))
    for first, count, tree in zip(first_words, words, trees, strict=False):
        for node in tree.nodes:
            cells, goes_left = columns.decisions(node)
            block = table[cells, first : first + count]
            block &= np.where(goes_left[:, None], ~_bits(node.right, count), ~_bits(node.left, count))
    return Forest(
        table=table.view(np.int64),
        leaves=leaves.view(np.int64),
        values=values.reshape(-1),
        bounds=first_words[[output * per_output for output in range(outputs + 1)]],
        numeric=columns.numeric,
        thresholds=columns.thresholds,
        zero_is_missing=columns.zero_is_missing,
        categorical=columns.categorical,
        widths=columns.widths,
        objective=objective,
        sigmoid=float(settings.get("sigmoid", 1.0)),
    )


def _read(root: dict[str, Any]) -> Tree:
    """A tree's decisions, and its leaves' values from left to right."""
    nodes: list[Node] = []
    values: list[float] = []

    def visit(structure: dict[str, Any]) -> int:
        """The node's number, or `~number` of a leaf."""
        if "leaf_coeff" in structure:
            raise ValueError("linear trees have no conversion to TensorFlow ops")
        if "split_index" not in structure:
            values.append(float(structure["leaf_value"]))
            return ~(len(values) - 1)
        start = len(values)
        left = visit(structure["left_child"])
        middle = len(values)
        right = visit(structure["right_child"])
        nodes.append(Node(structure, range(start, middle), range(middle, len(values)), (left, right)))
        return len(nodes) - 1

    visit(root)
    return Tree(nodes, values)


def _bits(leaves: range, words: int) -> np.ndarray:
    """`(words,)` uint8 with the bits of these leaves set."""
    bits = np.zeros(words * LEAVES_PER_WORD, np.uint8)
    bits[leaves.start : leaves.stop] = 1
    return np.packbits(bits, bitorder="little")


class Columns:
    """The cells of every column that some node looks at, and each node's decision in them.

    Args:
        nodes: Of all trees.
    """

    def __init__(self, nodes: list[Node]) -> None:
        by_column: dict[int, list[Node]] = {}
        for node in nodes:
            by_column.setdefault(node.column, []).append(node)
        ordered = sorted(by_column.items())
        numeric = [(column, splits) for column, splits in ordered if splits[0].categories is None]
        categorical = [(column, splits) for column, splits in ordered if splits[0].categories is not None]
        self.numeric = [column for column, _ in numeric]
        self.categorical = [column for column, _ in categorical]
        self.thresholds = [np.unique([node.threshold for node in splits]) for _, splits in numeric]
        self.zero_is_missing = np.array([splits[0].zero_is_missing for _, splits in numeric], bool)
        self.widths = np.array(
            [
                1 + max((max(node.categories or [0]) for node in splits), default=0)
                for _, splits in categorical
            ],
            np.int64,
        )
        self._first: dict[int, int] = {}
        self.cells = 0
        for column, count in self._counts():
            self._first[column] = self.cells
            self.cells += count

    def _counts(self) -> Iterator[tuple[int, int]]:
        for column, thresholds in zip(self.numeric, self.thresholds, strict=True):
            yield column, len(thresholds) + 3
        for column, width in zip(self.categorical, self.widths, strict=True):
            yield column, int(width) + 1

    def cells_of(self, matrix: np.ndarray) -> dict[int, np.ndarray]:
        """`(rows,)` which of its column's cells each value falls into, by column.

        Args:
            matrix: `(rows, columns)` as the booster reads them.
        """
        found = {}
        for place, (column, thresholds) in enumerate(zip(self.numeric, self.thresholds, strict=True)):
            values = matrix[:, column]
            cells = np.minimum(np.searchsorted(thresholds, values), len(thresholds))
            cells[np.isnan(values)] = len(thresholds) + 1
            if self.zero_is_missing[place]:
                cells[np.abs(values) <= ZERO_THRESHOLD] = len(thresholds) + 2
            found[column] = cells
        for column, width in zip(self.categorical, self.widths, strict=True):
            values = matrix[:, column]
            known = (values > -1.0) & (values < width)
            found[column] = np.where(known, values, width).astype(np.int64)
        return found

    def decisions(self, node: Node) -> tuple[slice, np.ndarray]:
        """The cells of a node's column and `(cells,)` whether a value there goes left."""
        first = self._first[node.column]
        categories = node.categories
        if categories is not None:
            goes_left = np.zeros(self.widths[self.categorical.index(node.column)] + 1, bool)
            goes_left[categories] = True
        else:
            thresholds = self.thresholds[self.numeric.index(node.column)]
            zero_left = node.nan_left if node.zero_is_missing else node.threshold >= 0.0
            goes_left = np.array([*(thresholds <= node.threshold), False, node.nan_left, zero_left])
        return slice(first, first + len(goes_left)), goes_left
