"""What every training function returns, whatever the model is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, ready to be exported, compared and explained.

    Attributes:
        score: TensorFlow function from transformed columns to `(batch, outputs)` float32, see `Task.outputs`.
        validation_scores: `(validation rows, outputs)` scores of rows that were not fitted on; decision
            thresholds are chosen on them.
        train_scores: `(train rows, outputs)` scores of the training rows by models that were not fitted on
            them, NaN where there is none; decision thresholds are chosen on both then.
        save_for_explanation: Writes what the explainer needs into a folder, without pickle.
        explainer: Dotted name of a class that explains the model; it is given the folder and the model's
            specification, see `explain.loading`.
        facts: What to tell a reader, e.g. number of trees, epochs, parameters.
        trackables: Keras layers and other objects whose variables belong to the export.
        probabilities: Whether scores of a task that tells probabilities are such, and can be calibrated.
        further: What the same model says of further labels, by label, with scores of the rows that have one;
            for labels that are not among them models of their own are trained.
        together: Adds to the columns what all of these have in common, so that it is computed once.
    """

    score: Callable[[dict[str, tf.Tensor]], tf.Tensor]
    validation_scores: np.ndarray
    save_for_explanation: Callable[[Path], None]
    explainer: str
    facts: dict[str, Any] = field(default_factory=dict)
    trackables: list[Any] = field(default_factory=list)
    train_scores: np.ndarray | None = None
    probabilities: bool = True
    further: Mapping[str, TrainedModel] = field(default_factory=dict)
    together: Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]] | None = None
