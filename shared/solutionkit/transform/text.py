"""Texts for Transform: cleaned, and one after the other; the same graph in training and serving."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import TEXT
from solutionkit.kinds.text_cleaning import cleaned
from solutionkit.transform.tabular import dense


def preprocessing_fn(inputs: dict[str, Any], spec: TableSpec) -> dict[str, tf.Tensor]:
    """Raw texts -> what all models read.

    Args:
        inputs: A `tf.SparseTensor` with at most one text a row for each text column.
        spec: What the columns are.

    Returns:
        `text`: `(batch,)` the cleaned texts of a row, one after the other.
    """
    columns = [cleaned(dense(inputs[feature.name], ""), feature) for feature in spec.of(TEXT)]
    return {TEXT: tf.strings.join(columns, "\n")}
