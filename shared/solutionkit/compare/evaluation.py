"""What the models are judged on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from solutionkit.compare.metrics import Metric
from solutionkit.tasks.base import Task
from solutionkit.tasks.decisions import Scores

# Share of rows that must stand more than once for rows to be no units.
FEWEST_SHARED = 0.02


@dataclass(frozen=True)
class Circumstances:
    """What a modality knows of evaluation rows beyond their labels.

    Attributes:
        units: `(eval rows,)` codes from 0 of rows that resemble each other, if there are such.
        validation_units: `(validation rows,)` the same of these.
        stakes: `(eval rows,)` money at stake, if the worth depends on it.
        validation_stakes: `(validation rows,)`.
        stake: The column of these.
        unit: What units are called, where that is found out.
        trivial: `(eval rows, outputs)` what somebody says who knows each row's past, if rows have one.
        validation_trivial: `(validation rows, outputs)` the same of these.
        kept: Arrays by name that the report wants to see again.
        reached: Of `(eval rows,)` scores which rows can be looked into at all, if not all can.
        validation_reached: The same of validation rows.
        metrics: Further metrics.
        report: `(evaluation rows, scores by model, validation scores by model) -> keys of comparison.json`;
            what it has under `kept` by model goes along with the model that ships.
    """

    units: np.ndarray | None = None
    validation_units: np.ndarray | None = None
    stakes: np.ndarray | None = None
    validation_stakes: np.ndarray | None = None
    stake: str = ""
    unit: str = ""
    trivial: np.ndarray | None = None
    validation_trivial: np.ndarray | None = None
    kept: dict[str, np.ndarray] = field(default_factory=dict)
    reached: Callable[[np.ndarray], np.ndarray] | None = None
    validation_reached: Callable[[np.ndarray], np.ndarray] | None = None
    metrics: dict[str, Metric] = field(default_factory=dict)
    report: Callable[[EvaluationSet, Scores, Scores], dict[str, Any]] = lambda judged, scores, held_out: {}


@dataclass(frozen=True)
class EvaluationSet:
    """The evaluation rows, and what is known of the validation rows.

    Attributes:
        task: What is predicted.
        labels: `(eval rows,)` labels as the task encodes them.
        validation_labels: `(validation rows,)`.
        train: Number of rows on the training side, validation rows included.
        slices: Columns to slice by, each `(eval rows,)`.
        calibrated: Whether the models' outputs are meant as probabilities.
        false_alarm_rate: The rate at which the recall is wanted, if it is.
        circumstances: What the modality knows of the rows.
        own_metrics: Metrics of the use case's own, by name.
        unit: What units are called.
        validation_folds: `(validation rows,)` codes of rows that one fit of each model was held out from;
            None where there is but one fit.
    """

    task: Task
    labels: np.ndarray
    validation_labels: np.ndarray
    train: int
    slices: dict[str, np.ndarray] = field(default_factory=dict)
    calibrated: bool = True
    false_alarm_rate: float | None = None
    circumstances: Circumstances = field(default_factory=Circumstances)
    own_metrics: dict[str, Metric] = field(default_factory=dict)
    unit: str = "row"
    validation_folds: np.ndarray | None = None

    @property
    def units(self) -> np.ndarray | None:
        """`(eval rows,)` codes of rows that resemble each other, if there are such."""
        return self.circumstances.units

    @property
    def codes(self) -> np.ndarray:
        """`(eval rows,)` codes of units; each row's own where it is one by itself."""
        return np.arange(len(self.labels)) if self.units is None else self.units

    @property
    def unit_count(self) -> int:
        """How many units there are."""
        return len(self.labels) if self.units is None else len(np.unique(self.units))

    @property
    def metrics(self) -> dict[str, Metric]:
        """All metrics that mean something here, by name."""
        return {
            **self.task.metrics(self.false_alarm_rate, self.calibrated),
            **self.circumstances.metrics,
            **self.own_metrics,
        }


def few_shared(codes: np.ndarray) -> bool:
    """Whether too few rows share their code with another one to widen an interval.

    Args:
        codes: `(rows,)` from 0.
    """
    return bool((np.bincount(codes)[codes] > 1).mean() < FEWEST_SHARED)


def unit_codes(names: np.ndarray) -> np.ndarray | None:
    """`(rows,)` codes from 0; nothing where each row is a unit by itself."""
    units, codes = np.unique(names, return_inverse=True)
    return codes if len(units) < len(names) else None
