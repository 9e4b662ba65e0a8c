"""LightGBM's trees as plain TensorFlow ops, so that TF Serving needs no custom op.

All decisions of all trees are taken at once, each a comparison of one column; then every tree walks
down over decisions that are already known, one gather a level. Leaves point to themselves, so trees
of different depth end well. The rules for missing values and categories are those of
`NumericalDecision` and `CategoricalDecision` in LightGBM's `include/LightGBM/tree.h`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import lightgbm
import numpy as np
import tensorflow as tf

# LightGBM's kZeroThreshold: values this small count as zero where zero means missing.
ZERO_THRESHOLD = 1e-35
INFINITE_THRESHOLD = 1e300


@dataclass(frozen=True)
class Forest:
    """The nodes of all trees in flat tables: numeric decisions, then category decisions, then leaves.

    Attributes:
        roots: `(trees,)` each tree's first node.
        feature: `(numeric nodes,)` column that a numeric node looks at.
        threshold: `(numeric nodes,)` float64; the node goes left at or below it.
        nan_left: `(numeric nodes,)` whether NaN goes left.
        zero_is_missing: `(numeric nodes,)` whether zero goes where NaN goes.
        category_feature: `(category nodes,)` column that a category node looks at.
        members: `(category nodes, largest category + 1)` categories that go left.
        left: `(nodes,)` next node; a leaf names itself.
        right: `(nodes,)` next node; a leaf names itself.
        value: `(leaves,)` float64.
        depth: The most decisions on any path.
        outputs: Trees per iteration: the classes of a multi-class model, else 1.
        objective: `binary`, `multiclass` or `regression`.
        sigmoid: The binary objective's slope.
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    nan_left: np.ndarray
    zero_is_missing: np.ndarray
    category_feature: np.ndarray
    members: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    depth: int
    outputs: int
    objective: str
    sigmoid: float


@dataclass
class _Node:
    """A node as read: its LightGBM description and its children's positions in reading order."""

    structure: dict[str, Any]
    children: list[int] = field(default_factory=list)

    @property
    def kind(self) -> int:
        """0 numeric decision, 1 category decision, 2 leaf: the order in the tables."""
        if "split_index" not in self.structure:
            return 2
        return 1 if self.structure["decision_type"] == "==" else 0


def read_forest(booster: lightgbm.Booster) -> Forest:
    """The trees of a booster.

    Raises:
        ValueError: The objective or the kind of tree has no conversion.
    """
    dump = booster.dump_model()
    objective, *options = dump.get("objective", "regression").split(" ")
    settings = dict(option.split(":", 1) for option in options if ":" in option)
    if objective not in {"binary", "multiclass", "regression"} or "sqrt" in options:
        raise ValueError(f"objective '{dump.get('objective')}' has no conversion to TensorFlow ops")
    if dump.get("average_output"):
        raise ValueError("boosting='rf' (averaged output) has no conversion to TensorFlow ops")
    nodes: list[_Node] = []
    trees = [_read(tree["tree_structure"], nodes) for tree in dump["tree_info"]]
    order = sorted(range(len(nodes)), key=lambda position: nodes[position].kind)
    rank = {position: place for place, position in enumerate(order)}
    kinds = [
        [nodes[position].structure for position in order if nodes[position].kind == kind] for kind in range(3)
    ]
    numeric, category, leaves = kinds
    sets = [[int(member) for member in str(node["threshold"]).split("||")] for node in category]
    members = np.zeros((len(sets), 1 + max((max(items) for items in sets if items), default=0)), bool)
    for row, items in enumerate(sets):
        members[row, items] = True
    next_nodes = [nodes[position].children or [position, position] for position in order]
    return Forest(
        roots=np.array([rank[root] for root, _ in trees], np.int32),
        feature=np.array([node["split_feature"] for node in numeric], np.int32),
        threshold=np.array([_threshold(node) for node in numeric], np.float64),
        nan_left=np.array([_nan_goes_left(node) for node in numeric], bool),
        zero_is_missing=np.array([node["missing_type"] == "Zero" for node in numeric], bool),
        category_feature=np.array([node["split_feature"] for node in category], np.int32),
        members=members,
        left=np.array([rank[left] for left, _ in next_nodes], np.int32),
        right=np.array([rank[right] for _, right in next_nodes], np.int32),
        value=np.array([node["leaf_value"] for node in leaves], np.float64),
        depth=max((depth for _, depth in trees), default=0),
        outputs=dump["num_tree_per_iteration"],
        objective=objective,
        sigmoid=float(settings.get("sigmoid", 1.0)),
    )


def _read(structure: dict[str, Any], nodes: list[_Node]) -> tuple[int, int]:
    """Append a subtree; returns its first node's position and its depth."""
    if "leaf_coeff" in structure:
        raise ValueError("linear trees have no conversion to TensorFlow ops")
    position, node = len(nodes), _Node(structure)
    nodes.append(node)
    if node.kind == 2:
        return position, 0
    left, left_depth = _read(structure["left_child"], nodes)
    right, right_depth = _read(structure["right_child"], nodes)
    node.children = [left, right]
    return position, 1 + max(left_depth, right_depth)


def _threshold(node: dict[str, Any]) -> float:
    """LightGBM writes an infinite threshold (missing against all others) as 1e300."""
    threshold = float(node["threshold"])
    return math.copysign(math.inf, threshold) if abs(threshold) >= INFINITE_THRESHOLD else threshold


def _nan_goes_left(node: dict[str, Any]) -> bool:
    """Where nothing means missing, LightGBM reads NaN as zero."""
    return bool(node["threshold"] >= 0.0 if node["missing_type"] == "None" else node["default_left"])


def raw_scores(forest: Forest, columns: tf.Tensor) -> tf.Tensor:
    """`(batch, outputs)` float64 sums of leaf values.

    Args:
        forest: The trees.
        columns: `(batch, features)` float64; NaN is missing, categories are whole numbers.
    """
    batch = tf.shape(columns)[0]
    goes_left = tf.concat([_numeric_decisions(forest, columns), _category_decisions(forest, columns)], axis=1)
    decisions = len(forest.feature) + len(forest.category_feature)
    step = tf.where(goes_left, forest.left[:decisions], forest.right[:decisions])
    leaves = tf.broadcast_to(tf.constant(forest.left[decisions:]), [batch, len(forest.value)])
    step = tf.concat([step, leaves], axis=1)
    node = tf.broadcast_to(tf.constant(forest.roots), [batch, len(forest.roots)])
    for _ in range(forest.depth):
        node = tf.gather(step, node, axis=1, batch_dims=1)
    values = tf.reshape(tf.gather(forest.value, node - decisions), [batch, -1, forest.outputs])
    return tf.reduce_sum(values, axis=1)


def predictions(forest: Forest, columns: tf.Tensor) -> tf.Tensor:
    """`(batch, outputs)` float64: what `Booster.predict` gives, e.g. probabilities."""
    scores = raw_scores(forest, columns)
    if forest.objective == "binary":
        return tf.sigmoid(forest.sigmoid * scores)
    if forest.objective == "multiclass":
        return tf.nn.softmax(scores)
    return scores


def _numeric_decisions(forest: Forest, columns: tf.Tensor) -> tf.Tensor:
    """`(batch, numeric nodes)` whether each goes left; a comparison with NaN is false."""
    value = tf.gather(columns, forest.feature, axis=1)
    goes_left = (value <= forest.threshold) | (tf.math.is_nan(value) & forest.nan_left)
    if forest.zero_is_missing.any():
        zero = (tf.abs(value) <= ZERO_THRESHOLD) & forest.zero_is_missing
        goes_left = tf.where(zero, forest.nan_left, goes_left)
    return goes_left


def _category_decisions(forest: Forest, columns: tf.Tensor) -> tf.Tensor:
    """`(batch, category nodes)` whether each goes left: its set holds the row's category."""
    if not len(forest.category_feature):
        return tf.zeros([tf.shape(columns)[0], 0], tf.bool)
    count, width = forest.members.shape
    outside = tf.constant(-1.0, tf.float64)
    known = tf.where(tf.math.is_nan(columns), outside, columns)
    # Towards zero, as LightGBM's cast does; beyond the widest set nothing is a member.
    category = tf.cast(tf.clip_by_value(known, outside, tf.constant(width, tf.float64)), tf.int32)
    category = tf.where((known > outside) & (category < width), category, width)
    padded = np.pad(forest.members, ((0, 0), (0, 1))).reshape(-1)
    position = tf.gather(category, forest.category_feature, axis=1) + np.arange(count, dtype=np.int32) * (
        width + 1
    )
    return tf.gather(padded, position)
