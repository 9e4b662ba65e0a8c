"""What Classify and Regress answer, of a model's outputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from tensorflow_serving.apis import classification_pb2, regression_pb2

from solutionserve.errors import invalid
from solutionserve.model import Signature

Outputs = Mapping[str, np.ndarray]


def classifications(
    signature: Signature, outputs: Outputs, rows: int
) -> classification_pb2.ClassificationResult:
    """Labels and scores, `(rows, classes)` each, as a result.

    Raises:
        ServingError: The model's outputs have other shapes or types.
    """
    labels, scores = (
        outputs[signature.outputs[key].name] if key in signature.outputs else None
        for key in ("classes", "scores")
    )
    for value, kind in ((labels, object), (scores, np.float32)):
        if value is not None and (value.ndim != 2 or len(value) != rows or value.dtype != kind):
            raise invalid(
                f"Expected Tensor shape: [{rows} num_classes] of {np.dtype(kind)} but got {list(value.shape)}"
            )
    if labels is not None and scores is not None and labels.shape != scores.shape:
        raise invalid("Tensors class and score should match in dim_size(1).")
    result = classification_pb2.ClassificationResult()
    for row in range(rows):
        added = result.classifications.add()
        width = (labels if labels is not None else scores).shape[1]  # type: ignore[union-attr]
        for column in range(width):
            item = added.classes.add()
            if labels is not None:
                item.label = labels[row, column].decode("utf-8", "replace")
            if scores is not None:
                item.score = scores[row, column]
    return result


def regressions(signature: Signature, outputs: Outputs, rows: int) -> regression_pb2.RegressionResult:
    """`(rows,)` or `(rows, 1)` values as a result.

    Raises:
        ServingError: The model's output has another shape or type.
    """
    values = outputs[signature.outputs["outputs"].name]
    if values.shape not in ((rows,), (rows, 1)) or values.dtype != np.float32:
        raise invalid(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] of float"
            f" but got {list(values.shape)} of {values.dtype}"
        )
    result = regression_pb2.RegressionResult()
    for value in values.ravel():
        result.regressions.add(value=value)
    return result
