"""What TFX's Transform calls: the use case's preprocessing, with its table's description."""

from __future__ import annotations

import sys
from typing import Any

from solutionkit.examples.columns import TableSpec
from solutionkit.use_case import resolve


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> Any:
    """Call the function that `custom_config["function"]` names."""
    if custom_config["project"] not in sys.path:
        sys.path.insert(0, custom_config["project"])
    spec = TableSpec.from_json(custom_config["spec"])
    features = {feature.name: inputs[feature.name] for feature in spec.features}
    return resolve(custom_config["function"])(features, spec)
