"""What TFX's Trainer calls, for every model: read, train, export, write the record."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_transform as tft

from solutionkit.declaration import Training
from solutionkit.dotted import import_from
from solutionkit.examples.schema import specification_of
from solutionkit.models.arrays import read_folds, read_serialized, transform_examples
from solutionkit.models.calibrating import calibrated
from solutionkit.models.explanation_files import write_explanation_files
from solutionkit.models.export import export, write_facts
from solutionkit.models.trained import TrainedModel

FACTS_FILE, VALIDATION_FILE = "training.json", "validation.npz"
# Folders beside them: models of trainings with other seeds.
REPEAT = "repeat-"


def run_fn(arguments: Any) -> None:
    """Train one model; TFX's Trainer calls this with its `FnArgs`.

    `custom_config` holds `train`, the dotted name of the training function, `training` and `repeats`.
    """
    config = arguments.custom_config
    function = import_from(Path(config["project"]), config["train"])
    spec = specification_of(Path(arguments.schema_path).parent)
    training = Training.model_validate(config["training"])
    transform_output = tft.TFTransformOutput(arguments.transform_output)
    serialized, folds = read_folds(arguments.train_files)
    train = replace(transform_examples(serialized, transform_output, spec), fold=folds)
    validation = transform_examples(read_serialized(arguments.eval_files), transform_output, spec)

    def fitted(seed: int) -> TrainedModel:
        """The model, trained with a seed."""
        trained = function(train, validation, spec, training.model_copy(update={"seed": seed}))
        assert isinstance(trained, TrainedModel)
        return calibrated(trained, validation.label, train.label, spec.task.calibrators, seed)

    started = time.monotonic()
    trained = fitted(training.seed)
    seconds = time.monotonic() - started
    model = Path(arguments.serving_model_dir)
    export(trained, transform_output, spec, serialized[:64], model)
    write_explanation_files(trained, Path(arguments.transform_output), model)
    record = Path(arguments.model_run_dir)
    record.mkdir(parents=True, exist_ok=True)
    out_of_fold = {} if trained.train_scores is None else {"train_scores": trained.train_scores}
    np.savez(
        record / VALIDATION_FILE,
        scores=trained.validation_scores,
        labels=validation.label,
        train_labels=train.label,
        train_folds=folds,
        **out_of_fold,  # type: ignore[arg-type]
    )
    write_facts(record / FACTS_FILE, {**trained.facts, "train_seconds": seconds})
    for number in range(1, config["repeats"]):
        folder = record / f"{REPEAT}{number:02}"
        export(fitted(training.seed + number), transform_output, spec, serialized[:64], folder)
