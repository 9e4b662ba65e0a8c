"""An exported model's explainer, from what it carries in `assets.extra`."""

from __future__ import annotations

import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_transform as tft

from solutionkit.dotted import resolve
from solutionkit.errors import UserError
from solutionkit.examples.columns import load_spec
from solutionkit.modalities.rows import ScoringRows
from solutionkit.models.arrays import TransformedSplit, transform_examples
from solutionkit.models.explanation_files import EXPLANATION_FOLDER, TRANSFORM_FILE, explainer_name
from solutionkit.models.saved import SavedScorer


class ModelExplainer:
    """Explains raw rows of an exported model.

    Args:
        folder: The SavedModel.

    Attributes:
        spec: What the columns are.
        explainer: What the trainer named: a `RowExplainer` of `tables`, an `ImageExplainer` of
            `image_models`, or another class that is given the explanation's folder and the specification.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.spec = load_spec(folder)
        extra = folder / EXPLANATION_FOLDER
        self._unpacked = tempfile.TemporaryDirectory(prefix="solutionkit-")
        shutil.unpack_archive(extra / TRANSFORM_FILE, self._unpacked.name)
        self._transform = tft.TFTransformOutput(self._unpacked.name)
        name = explainer_name(extra)
        try:
            explainer = resolve(name)
        except (ImportError, AttributeError) as error:
            raise UserError(
                f"{folder}: this model is explained by {name}, which is gone; run the pipeline again:"
                " solutionkit run."
            ) from error
        self.explainer: Any = explainer(extra, self.spec)

    @cached_property
    def scorer(self) -> SavedScorer:
        """The model itself."""
        return SavedScorer(self._folder)

    def scores(self, rows: ScoringRows) -> np.ndarray:
        """`(rows, outputs)` what the model says of rows."""
        return self.scorer.answers_to(rows)[self.spec.label]

    def transform(self, examples: np.ndarray) -> TransformedSplit:
        """Serialized tf.Examples as the model reads them."""
        return transform_examples(examples, self._transform, self.spec)
