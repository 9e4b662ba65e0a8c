"""What was tried while a model was trained, and the search for more with the preset "best".

Every trial is judged by the loss of rows that were held out from it. The search is KerasTuner's: a Gaussian
process over the settings (J. Snoek, H. Larochelle, R. Adams: "Practical Bayesian optimization of machine
learning algorithms", NIPS 2012), after some trials at random.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# At random before the process has seen enough.
AT_RANDOM = 5


@dataclass(frozen=True)
class Trial:
    """Settings and how they did.

    Attributes:
        settings: By name.
        loss: Of held-out rows.
    """

    settings: dict[str, Any]
    loss: float

    @property
    def facts(self) -> dict[str, Any]:
        """As JSON."""
        settings = {name: _short(value) for name, value in self.settings.items()}
        return {"settings": settings, "loss": round(self.loss, 5) if np.isfinite(self.loss) else None}


@dataclass(frozen=True)
class Span:
    """The values that a setting may take.

    Attributes:
        low: The least.
        high: The largest.
        logarithmic: Whether ratios matter rather than differences.
        whole: Whether only whole numbers do.
    """

    low: float
    high: float
    logarithmic: bool = False
    whole: bool = False


def search(
    space: dict[str, Span | tuple[Any, ...]],
    judge: Callable[[dict[str, Any]], float],
    count: int,
    seed: int,
) -> list[Trial]:
    """Try settings, each where the ones before it promise most.

    Args:
        space: By name the values that a setting may take, a span or a choice.
        judge: Settings -> loss of held-out rows.
        count: Trials to make.
        seed: Of what is drawn.

    Returns:
        The trials that were made.
    """
    import keras_tuner  # type: ignore[import-untyped]

    parameters = keras_tuner.HyperParameters()
    for name, values in space.items():
        if isinstance(values, tuple):
            parameters.Choice(name, list(values))
            continue
        sampling = "log" if values.logarithmic else "linear"
        if values.whole:
            parameters.Int(name, int(values.low), int(values.high), sampling=sampling)
        else:
            parameters.Float(name, values.low, values.high, sampling=sampling)
    oracle = keras_tuner.oracles.BayesianOptimizationOracle(
        keras_tuner.Objective("loss", "min"),
        max_trials=count,
        num_initial_points=min(AT_RANDOM, count),
        hyperparameters=parameters,
        seed=seed + 1,  # Zero would mean none.
    )
    trials = []
    with tempfile.TemporaryDirectory(prefix="solutionkit-") as folder:
        oracle.verbose = 0
        oracle._set_project_dir(folder, "search")
        for _ in range(count):
            asked = oracle.create_trial("search")
            if asked.status != "RUNNING":
                break
            settings = {name: asked.hyperparameters.get(name) for name in space}
            trial = Trial(settings, judge(settings))
            trials.append(trial)
            # One that came to nothing counts as the worst, or it would dwarf all differences between others.
            known = [item.loss for item in trials if np.isfinite(item.loss)]
            loss = trial.loss if np.isfinite(trial.loss) else max(known, default=1.0)
            oracle.update_trial(asked.trial_id, {"loss": loss})
            asked.status = "COMPLETED"
            oracle.end_trial(asked)
    return trials


def _short(value: Any) -> Any:
    return float(f"{value:.3g}") if isinstance(value, float) else value
