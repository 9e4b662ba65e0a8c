"""Windows of series for Transform: as they are; static columns as of tables."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import FUTURE, PAST
from solutionkit.transform import tabular


def preprocessing_fn(inputs: dict[str, Any], spec: TableSpec) -> dict[str, tf.Tensor]:
    """Raw columns -> what all models read.

    Args:
        inputs: The windows' tensors `(batch, steps, channels)`, and a `tf.SparseTensor` a static column.
        spec: What the columns are.

    Returns:
        `past` and `future` as they are; `numeric` and `categorical` of `transform.tabular`.
    """
    outputs: dict[str, tf.Tensor] = tabular.preprocessing_fn(inputs, spec)
    for kind in (PAST, FUTURE):
        feature = spec.only(kind)
        # A copy: an output of Transform must not be an input.
        outputs[kind] = tf.identity(tf.ensure_shape(inputs[feature.name], [None, *feature.shape]))
    return outputs
