"""An exported model's explainer, from what it carries in `assets.extra`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_transform as tft

from solutionkit.examples.columns import TableSpec, load_spec
from solutionkit.models.arrays import Arrays, transform_examples
from solutionkit.models.explanation_files import EXPLANATION_FOLDER, TRANSFORM_FILE
from solutionkit.models.gradient_boosting import BOOSTER_FILE
from solutionkit.models.image_network import MAPS_FILE


class ModelExplainer:
    """Explains raw rows of an exported model.

    Args:
        folder: The SavedModel.

    Attributes:
        spec: What the columns are.
        explainer: A `RowExplainer` of `tables`, or an `ImageExplainer` of `image_models`.
    """

    def __init__(self, folder: Path) -> None:
        self.spec = load_spec(folder)
        extra = folder / EXPLANATION_FOLDER
        self._unpacked = tempfile.TemporaryDirectory(prefix="solutionkit-")
        shutil.unpack_archive(extra / TRANSFORM_FILE, self._unpacked.name)
        self._transform = tft.TFTransformOutput(self._unpacked.name)
        self.explainer = load_explainer(extra, self.spec)

    def transform(self, examples: np.ndarray) -> Arrays:
        """Serialized tf.Examples as the model reads them."""
        return transform_examples(examples, self._transform, self.spec)


def load_explainer(folder: Path, spec: TableSpec) -> Any:
    """The explainer for the files that a training function saved for it.

    Args:
        folder: `assets.extra/explanation` of an exported model.
        spec: What the columns are.
    """
    if spec.image:
        from solutionkit.explain.image_models import NetworkExplainer, TextureExplainer

        is_network = (folder / MAPS_FILE).is_file()
        return NetworkExplainer(folder, spec) if is_network else TextureExplainer(folder, spec)
    from solutionkit.explain.table_network import TableNetwork
    from solutionkit.explain.trees import TreeExplanation

    is_boosted = (folder / BOOSTER_FILE).is_file()
    return TreeExplanation(folder / BOOSTER_FILE) if is_boosted else TableNetwork(folder)
