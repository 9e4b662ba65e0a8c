"""JSON bodies of Classify and Regress to tf.Examples, and the answers back, by TensorFlow Serving's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import classification_pb2, input_pb2, regression_pb2

from solutionserve.errors import invalid
from solutionserve.json_tensors import JSON_NAMES, dump, is_base64, text_bytes
from solutionserve.limits import Limits


def read_examples(body: Mapping[str, Any], target: input_pb2.Input, limits: Limits) -> None:
    """The examples of a Classify or Regress body, into a request.

    Raises:
        ServingError: They are no examples.
    """
    examples = body.get("examples")
    if not isinstance(examples, list) or not examples:
        raise invalid("key 'examples' is expected: a list of at least one object")
    limits.check_rows(len(examples))
    if "context" in body:
        target.example_list_with_context.context.CopyFrom(_example(body["context"], "context"))
        rows = target.example_list_with_context.examples
    else:
        rows = target.example_list.examples
    rows.extend(_example(item, f"examples[{row}]") for row, item in enumerate(examples))


def _example(value: Any, where: str) -> example_pb2.Example:
    if not isinstance(value, dict):
        raise invalid(f"{where}: Example must be JSON object but got JSON {JSON_NAMES[type(value)]}")
    example = example_pb2.Example()
    for name, content in value.items():
        items = content if isinstance(content, list) else [content]
        feature = example.features.feature[name]
        kinds = {_feature_kind(item, f"{where}['{name}']") for item in items}
        if len(kinds) > 1:
            raise invalid(f"{where}['{name}']: values of more than one type: {', '.join(sorted(kinds))}")
        try:
            if kinds == {"bytes"}:
                feature.bytes_list.value.extend(text_bytes(item, where) for item in items)
            elif kinds == {"float"}:
                feature.float_list.value.extend(items)
            elif kinds:
                feature.int64_list.value.extend(map(int, items))
        except ValueError:
            raise invalid(f"{where}['{name}']: a value is out of range for int64") from None
    return example


def _feature_kind(value: Any, where: str) -> str:
    if isinstance(value, str) or is_base64(value):
        return "bytes"
    if isinstance(value, (bool, int)):
        return "int64"
    if isinstance(value, float):
        return "float"
    raise invalid(f"{where}: has element with unexpected JSON type: {JSON_NAMES[type(value)]}")


def write_classifications(result: classification_pb2.ClassificationResult) -> bytes:
    """The answer to Classify: for each row a list of [label, score]."""
    return dump(
        {
            "results": [
                [[item.label, _shortest(item.score)] for item in row.classes]
                for row in result.classifications
            ]
        }
    )


def write_regressions(result: regression_pb2.RegressionResult) -> bytes:
    """The answer to Regress: a value a row."""
    return dump({"results": [_shortest(row.value) for row in result.regressions]})


def _shortest(value: float) -> float:
    """A float32 that arrived as a double, without the noise digits."""
    return float(str(np.float32(value)))
