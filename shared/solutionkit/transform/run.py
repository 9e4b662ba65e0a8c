"""What TFX's Transform calls: the use case's preprocessing, with its table's description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from solutionkit.dotted import import_from
from solutionkit.examples.columns import TableSpec


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> Any:
    """Call the function that `custom_config["function"]` names, with the specification in `"spec"`."""
    function = import_from(Path(custom_config["project"]), custom_config["function"])
    spec = TableSpec.from_json(custom_config["spec"])
    features = {feature.name: inputs[feature.name] for feature in spec.features}
    return function(features, spec)
