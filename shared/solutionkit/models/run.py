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
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.schema import specification_of
from solutionkit.models.arrays import (
    TransformedSplit,
    further_labels,
    read_folds,
    read_serialized,
    transform_examples,
)
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
    held_out = read_serialized(arguments.eval_files)
    validation = transform_examples(held_out, transform_output, spec)

    def fitted(
        seed: int,
        train: TransformedSplit = train,
        validation: TransformedSplit = validation,
        spec: TableSpec = spec,
    ) -> TrainedModel:
        """A model, trained with a seed."""
        trained = function(train, validation, spec, training.model_copy(update={"seed": seed}))
        assert isinstance(trained, TrainedModel)
        return calibrated(trained, validation.label, train.label, spec.task.calibrators, seed)

    started = time.monotonic()
    trained = fitted(training.seed)
    further = {}
    for task in spec.further:
        rows = [
            labelled(part, further_labels(read, task))
            for part, read in ((train, serialized), (validation, held_out))
        ]
        further[spec.outputs[task.label]] = fitted(training.seed, rows[0], rows[1], spec.of_further(task))
    seconds = time.monotonic() - started
    model = Path(arguments.serving_model_dir)
    export(trained, transform_output, spec, serialized[:64], model, further)
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
    facts = {**trained.facts, "train_seconds": seconds}
    if further:
        facts["further"] = {name: item.facts for name, item in further.items()}
    write_facts(record / FACTS_FILE, facts)
    for number in range(1, config["repeats"]):
        folder = record / f"{REPEAT}{number:02}"
        alone = replace(spec, further=())
        export(fitted(training.seed + number), transform_output, alone, serialized[:64], folder)


def labelled(split: TransformedSplit, labels: np.ndarray) -> TransformedSplit:
    """The rows that have a label, with that one.

    Args:
        split: All rows.
        labels: `(rows,)` another label of theirs, -1 where there is none.
    """
    return replace(split, label=labels).take(labels >= 0)
