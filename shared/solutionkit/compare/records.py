"""What training wrote beside the models, for their comparison."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from solutionkit.models.run import FACTS_FILE, FURTHER_FILE, LEFT_OUT, REPEAT, VALIDATION_FILE
from solutionkit.splits import TRAIN, VALIDATION


@dataclass(frozen=True)
class HeldOut:
    """Scores of rows by models that were not fitted on them, from which thresholds are chosen.

    Attributes:
        splits: Where the rows stand, in order.
        kept: `(rows of these splits,)` which of their rows these are.
        labels: `(rows,)` encoded labels.
        scores: `(rows, outputs)` by model.
        folds: `(rows,)` codes of rows that one fit of each model was held out from; None where there is but
            one fit.
    """

    splits: tuple[str, ...]
    kept: np.ndarray
    labels: np.ndarray
    scores: dict[str, np.ndarray]
    folds: np.ndarray | None = None


def read_repeats(records: dict[str, Path]) -> list[dict[str, Path]]:
    """SavedModels of trainings with other seeds, by model, as far as all models have them.

    Args:
        records: What training wrote, by name.
    """
    found = {name: sorted(folder.glob(f"{REPEAT}*")) for name, folder in records.items()}
    count = min(len(folders) for folders in found.values())
    return [{name: folders[number] for name, folders in found.items()} for number in range(count)]


def read_left_out(records: dict[str, Path]) -> dict[str, dict[str, Path]]:
    """SavedModels of trainings without a value's rows, by value and model.

    Args:
        records: What training wrote, by name.
    """
    found: dict[str, dict[str, Path]] = {}
    for name, record in records.items():
        for folder in sorted(record.glob(f"{LEFT_OUT}*")):
            value = json.loads((folder / FACTS_FILE).read_text())["left_out"]
            found.setdefault(value, {})[name] = folder
    return {value: folders for value, folders in found.items() if len(folders) == len(records)}


def read_held_out(records: dict[str, Path]) -> HeldOut:
    """What training wrote of rows that were held out from all models: training rows, where all have folds.

    Args:
        records: What training wrote, by name.
    """
    stored = {}
    for name, folder in records.items():
        with np.load(folder / VALIDATION_FILE) as file:
            stored[name] = dict(file)
    first = next(iter(stored.values()))
    if not all("train_scores" in item for item in stored.values()):
        scores = {name: item["scores"] for name, item in stored.items()}
        return HeldOut((VALIDATION,), np.ones(len(first["labels"]), bool), first["labels"], scores)
    scores = {name: np.concatenate([item["train_scores"], item["scores"]]) for name, item in stored.items()}
    kept = np.all([~np.isnan(item).any(axis=1) for item in scores.values()], axis=0)
    labels = np.concatenate([first["train_labels"], first["labels"]])
    folds = np.concatenate([first["train_folds"], np.zeros(len(first["labels"]), np.int64)])
    return HeldOut(
        (TRAIN, VALIDATION),
        kept,
        labels[kept],
        {name: item[kept] for name, item in scores.items()},
        folds[kept],
    )


@dataclass(frozen=True)
class HeldOutOfLabel:
    """Held-out rows that have a further label.

    Attributes:
        labels: `(rows,)` encoded labels.
        scores: `(rows, outputs)` by model.
        places: `(rows,)` where each stands among all held-out rows.
    """

    labels: np.ndarray
    scores: dict[str, np.ndarray]
    places: np.ndarray


def read_further(records: dict[str, Path], number: int, held_out: HeldOut) -> HeldOutOfLabel:
    """What training wrote of held-out rows that have a further label.

    Args:
        records: What training wrote, by name.
        number: Which of the further labels.
        held_out: All held-out rows.
    """
    # Validation rows come last, and may be the only ones.
    count, scores = len(held_out.kept), {}
    for name, folder in records.items():
        with np.load(folder / FURTHER_FILE.format(number)) as file:
            scores[name], labels = file["scores"][-count:], file["labels"][-count:]
    told = held_out.kept & (labels >= 0)
    for item in scores.values():
        told &= ~np.isnan(item).any(axis=1)
    places = (np.cumsum(held_out.kept) - 1)[told]
    return HeldOutOfLabel(labels[told], {name: item[told] for name, item in scores.items()}, places)
