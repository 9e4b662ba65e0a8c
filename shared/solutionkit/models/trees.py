"""LightGBM's trees as plain TensorFlow ops, so that TF Serving needs no custom op.

All trees walk down together: the state is one node a row and tree, and each level is a few
gathers from flat node tables. Leaves point to themselves, so trees of different depth end well.
The decisions follow `NumericalDecision` and `CategoricalDecision` of LightGBM's
`include/LightGBM/tree.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import tensorflow as tf

# LightGBM's kZeroThreshold: values this small count as zero where zero means missing.
ZERO_THRESHOLD = 1e-35
_MISSING_TYPES = {"None": 0, "Zero": 1, "NaN": 2}


@dataclass(frozen=True)
class Forest:
    """The nodes of all trees in flat tables; leaves are nodes too.

    Attributes:
        roots: `(trees,)` position of each tree's first node.
        feature: `(nodes,)` column that a node looks at.
        threshold: `(nodes,)` float64; a numeric node goes left at or below it.
        left: `(nodes,)` next node; a leaf names itself.
        right: `(nodes,)` next node; a leaf names itself.
        default_left: `(nodes,)` whether missing values go left.
        missing_type: `(nodes,)` what counts as missing: 0 nothing, 1 zero, 2 NaN.
        categories: `(sets, largest category + 1)` membership of each category set.
        category_set: `(nodes,)` a node's category set, -1 for numeric nodes.
        value: `(nodes,)` float64 leaf values.
        depth: The most decisions on any path.
        outputs: Trees per iteration: the classes of a multi-class model, else 1.
        objective: `binary`, `multiclass` or `regression`.
        sigmoid: The binary objective's slope.
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    default_left: np.ndarray
    missing_type: np.ndarray
    categories: np.ndarray
    category_set: np.ndarray
    value: np.ndarray
    depth: int
    outputs: int
    objective: str
    sigmoid: float


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
    reader = _Reader()
    roots = [reader.add(tree["tree_structure"], depth=0) for tree in dump["tree_info"]]
    width = 1 + max((max(members) for members in reader.category_sets if members), default=0)
    categories = np.zeros((max(len(reader.category_sets), 1), width), bool)
    for row, members in enumerate(reader.category_sets):
        categories[row, members] = True
    nodes = reader.nodes
    return Forest(
        roots=np.array(roots, np.int32),
        feature=np.array([node["feature"] for node in nodes], np.int32),
        threshold=np.array([node["threshold"] for node in nodes], np.float64),
        left=np.array([node["left"] for node in nodes], np.int32),
        right=np.array([node["right"] for node in nodes], np.int32),
        default_left=np.array([node["default_left"] for node in nodes], bool),
        missing_type=np.array([node["missing_type"] for node in nodes], np.int32),
        categories=categories,
        category_set=np.array([node["category_set"] for node in nodes], np.int32),
        value=np.array([node["value"] for node in nodes], np.float64),
        depth=reader.depth,
        outputs=dump["num_tree_per_iteration"],
        objective=objective,
        sigmoid=float(settings.get("sigmoid", 1.0)),
    )


class _Reader:
    """Collects the nodes of `dump_model`'s nested trees."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.category_sets: list[list[int]] = []
        self.depth = 0

    def add(self, structure: dict[str, Any], depth: int) -> int:
        """Append a subtree; return its first node's position."""
        position = len(self.nodes)
        node: dict[str, Any] = {
            "feature": 0,
            "threshold": 0.0,
            "left": position,
            "right": position,
            "default_left": False,
            "missing_type": 0,
            "category_set": -1,
            "value": 0.0,
        }
        self.nodes.append(node)
        if "split_index" not in structure:
            if "leaf_coeff" in structure:
                raise ValueError("linear trees have no conversion to TensorFlow ops")
            node["value"] = structure["leaf_value"]
            self.depth = max(self.depth, depth)
            return position
        node["feature"] = structure["split_feature"]
        node["missing_type"] = _MISSING_TYPES[structure["missing_type"]]
        node["default_left"] = structure["default_left"]
        if structure["decision_type"] == "==":
            node["category_set"] = len(self.category_sets)
            self.category_sets.append([int(member) for member in str(structure["threshold"]).split("||")])
        else:
            node["threshold"] = structure["threshold"]
        node["left"] = self.add(structure["left_child"], depth + 1)
        node["right"] = self.add(structure["right_child"], depth + 1)
        return position


def raw_scores(forest: Forest, columns: tf.Tensor) -> tf.Tensor:
    """`(batch, outputs)` float64 sums of leaf values.

    Args:
        forest: The trees.
        columns: `(batch, features)` float64; NaN is missing, categories are whole numbers.
    """
    batch = tf.shape(columns)[0]
    node = tf.broadcast_to(tf.constant(forest.roots), [batch, len(forest.roots)])
    for _ in range(forest.depth):
        value = tf.gather(columns, tf.gather(forest.feature, node), axis=1, batch_dims=1)
        goes_left = _numeric_decision(forest, node, value)
        if (forest.category_set >= 0).any():
            category_set = tf.gather(forest.category_set, node)
            goes_left = tf.where(category_set >= 0, _is_member(forest, category_set, value), goes_left)
        node = tf.where(goes_left, tf.gather(forest.left, node), tf.gather(forest.right, node))
    leaves = tf.reshape(tf.gather(forest.value, node), [batch, -1, forest.outputs])
    return tf.reduce_sum(leaves, axis=1)


def predictions(forest: Forest, columns: tf.Tensor) -> tf.Tensor:
    """`(batch, outputs)` float64: what `Booster.predict` gives, e.g. probabilities."""
    scores = raw_scores(forest, columns)
    if forest.objective == "binary":
        return tf.sigmoid(forest.sigmoid * scores)
    if forest.objective == "multiclass":
        return tf.nn.softmax(scores)
    return scores


def _numeric_decision(forest: Forest, node: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    is_nan = tf.math.is_nan(value)
    missing_type = tf.gather(forest.missing_type, node)
    known = tf.where(is_nan, tf.zeros_like(value), value)
    missing = (is_nan & (missing_type == 2)) | ((tf.abs(known) <= ZERO_THRESHOLD) & (missing_type == 1))
    return tf.where(missing, tf.gather(forest.default_left, node), known <= tf.gather(forest.threshold, node))


def _is_member(forest: Forest, category_set: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    width = forest.categories.shape[1]
    # Towards zero, as LightGBM's cast does; beyond the table's width nothing is a member.
    nowhere = tf.constant(-1.0, tf.float64)
    known = tf.where(tf.math.is_nan(value), nowhere, value)
    category = tf.cast(tf.clip_by_value(known, nowhere, tf.constant(width, tf.float64)), tf.int32)
    inside = (category >= 0) & (category < width) & (known > nowhere)
    position = tf.maximum(category_set, 0) * width + tf.clip_by_value(category, 0, width - 1)
    return inside & tf.gather(forest.categories.reshape(-1), position)
