"""What TFX's Trainer calls, for every model: read, train, export, write the record."""

from __future__ import annotations

import tempfile
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
    parse_columns,
    read_folds,
    read_serialized,
    transform_examples,
)
from solutionkit.models.calibrating import calibrated
from solutionkit.models.devices import all_devices, is_chief
from solutionkit.models.explanation_files import write_explanation_files
from solutionkit.models.export import export, write_facts
from solutionkit.models.left_out import parts_without
from solutionkit.models.trained import TrainedModel

FACTS_FILE, VALIDATION_FILE = "training.json", "validation.npz"
# Of the further label of a number: `scores` and `labels` of all rows of the training side.
FURTHER_FILE = "further-{:02}.npz"
# Folders beside them: models of trainings with other seeds, and without the rows of a value.
REPEAT, LEFT_OUT = "repeat-", "left-out-"


def run_fn(arguments: Any) -> None:
    """Train one model; TFX's Trainer calls this with its `FnArgs`.

    `custom_config` holds `train`, the dotted name of the training function, `training`, `repeats` and
    `leave_out`.
    """
    training = Training.model_validate(arguments.custom_config["training"])
    if training.devices == "all":
        all_devices()
    if is_chief():
        learn(arguments, training, Path(arguments.serving_model_dir), Path(arguments.model_run_dir))
        return
    with tempfile.TemporaryDirectory() as scratch:
        learn(arguments, training, Path(scratch) / "model", Path(scratch) / "run")


def learn(arguments: Any, training: Training, model: Path, record: Path) -> None:
    """Train one model and export it.

    Args:
        arguments: TFX's `FnArgs`.
        training: How.
        model: The folder of the SavedModel.
        record: The folder of the record.
    """
    config = arguments.custom_config
    function = import_from(Path(config["project"]), config["train"])
    spec = specification_of(Path(arguments.schema_path).parent)
    transform_output = tft.TFTransformOutput(arguments.transform_output)
    serialized, folds = read_folds(arguments.train_files)
    held_out = read_serialized(arguments.eval_files)
    train, validation = (
        with_further(transform_examples(read, transform_output, spec), read, spec)
        for read in (serialized, held_out)
    )
    train = replace(train, fold=folds)

    def fitted(
        seed: int,
        train: TransformedSplit = train,
        validation: TransformedSplit = validation,
        spec: TableSpec = spec,
        at_hand: TrainedModel | None = None,
    ) -> TrainedModel:
        """A model, trained with a seed if there is none at hand."""
        trained = at_hand or function(train, validation, spec, training.model_copy(update={"seed": seed}))
        assert isinstance(trained, TrainedModel)
        return calibrated(trained, validation.label, train.label, spec.task.calibrators, seed)

    started = time.monotonic()
    trained = fitted(training.seed)
    further = {}
    for number, task in enumerate(spec.further):
        further[spec.outputs[task.label]] = fitted(
            training.seed,
            with_label(train, number),
            with_label(validation, number),
            spec.of_further(task),
            trained.further.get(task.label),
        )
    seconds = time.monotonic() - started
    export(trained, transform_output, spec, serialized[:64], model, further)
    write_explanation_files(trained, Path(arguments.transform_output), model)
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
    for number, model_of_label in enumerate(further.values()):
        sides = [(train, model_of_label.train_scores), (validation, model_of_label.validation_scores)]
        parts = [among_labelled(part, number, scores, model_of_label) for part, scores in sides]
        labels = np.concatenate([part.labels[:, 1 + number] for part, _ in sides])
        np.savez(record / FURTHER_FILE.format(number), scores=np.concatenate(parts), labels=labels)
    facts = {**trained.facts, "train_seconds": seconds}
    if further:
        facts["further"] = {name: item.facts for name, item in further.items()}
    write_facts(record / FACTS_FILE, facts)
    alone = replace(spec, further=())
    for number in range(1, config["repeats"]):
        folder = record / f"{REPEAT}{number:02}"
        export(fitted(training.seed + number), transform_output, alone, serialized[:64], folder)
    if config["leave_out"]:
        column = config["leave_out"]
        first, second = (parse_columns(read, spec, [column])[column] for read in (serialized, held_out))
        for number, part in enumerate(parts_without(train, validation, (first, second), spec.task)):
            folder = record / f"{LEFT_OUT}{number:02}"
            without = fitted(training.seed, part.train, part.validation)
            export(without, transform_output, alone, serialized[:64], folder)
            write_facts(folder / FACTS_FILE, {**without.facts, "left_out": part.value})


def with_further(split: TransformedSplit, serialized: np.ndarray, spec: TableSpec) -> TransformedSplit:
    """Rows with their further labels, if there are such.

    Args:
        split: The rows, transformed.
        serialized: `(rows,)` the same as tf.Examples.
        spec: Names the labels.
    """
    if not spec.further:
        return split
    return replace(split, further=np.stack([further_labels(serialized, task) for task in spec.further], 1))


def among_labelled(
    split: TransformedSplit, number: int, scores: np.ndarray | None, model: TrainedModel
) -> np.ndarray:
    """`(rows, outputs)` scores in the places of the rows that have a label, NaN elsewhere.

    Args:
        split: All rows.
        number: Which of the further labels.
        scores: `(rows with the label, outputs)`, if there are such.
        model: What they are of.
    """
    found = np.full((len(split), model.validation_scores.shape[1]), np.nan)
    if scores is not None:
        found[split.labels[:, 1 + number] >= 0] = scores
    return found


def with_label(split: TransformedSplit, number: int) -> TransformedSplit:
    """The rows that have a further label, with that one alone.

    Args:
        split: All rows.
        number: Which of the further labels.
    """
    assert split.further is not None
    own = split.further[:, number]
    return replace(split, label=own, further=None).take(own >= 0)
