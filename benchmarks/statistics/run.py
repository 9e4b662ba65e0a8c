"""Do the comparison's tests keep their level? By simulation, from 2 to 1,000 units.

    make setup && .venv/bin/python benchmarks/statistics/run.py [--runs 400]

Two models that learned equally much score the same rows; rows of a unit share half of the variance of what
decides the label and of each model's own error. Told is how often a verdict would be given, how often a test
at 5 % then tells the equal models apart, how often the 95 % interval of two unequal ones holds their true
difference, and how often these are told apart. Money is at thresholds that are chosen on as many other units.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from solutionkit.compare.evaluation import Circumstances, EvaluationSet
from solutionkit.compare.inference import LEVEL, Difference
from solutionkit.compare.metrics import difference
from solutionkit.declaration import Business
from solutionkit.tasks.classification.decisions import decisions
from solutionkit.tasks.classification.metrics import CLASSES, DETECTION, class_probabilities, recall_metric
from solutionkit.tasks.classification.task import Classification
from solutionkit.tasks.decisions import Scores
from solutionkit.tasks.regression.metrics import VALUES

TASK = Classification("y", ("no", "yes"))
BUSINESS = Business(true_positive=60.0, false_positive=-15.0)
METRICS = {metric.name: metric for metric in (*DETECTION, recall_metric(0.05), *CLASSES[:2], *VALUES[:2])}
MONEY = "money"
SHARED = 0.5
# What both models see of the truth, what each adds of its own, and how much less that is of the better one.
NOISE, BETTER = 1.0, 0.8
TRUTH_UNITS = 200_000


@dataclass(frozen=True)
class Case:
    """What is simulated.

    Attributes:
        units: How many.
        rows: Of each.
        share: Of positive rows.
    """

    units: int
    rows: int
    share: float


CASES = tuple(
    Case(units, rows, share)
    for units, rows, share in (
        (2, 20, 0.3),
        (5, 20, 0.3),
        (6, 20, 0.5),
        (6, 20, 0.3),
        (10, 20, 0.3),
        (14, 20, 0.1),
        (30, 20, 0.1),
        (30, 20, 0.5),
        (100, 10, 0.1),
        (50, 1, 0.5),
        (100, 1, 0.1),
        (200, 1, 0.5),
        (500, 1, 0.02),
        (1000, 1, 0.02),
        (1000, 1, 0.3),
    )
)


@dataclass(frozen=True)
class Rows:
    """Rows, and what two models say of them.

    Attributes:
        units: `(rows,)` codes.
        hidden: `(rows,)` numbers that decide the label.
        labels: `(rows,)`.
        scores: `(rows, 1)` probabilities by model.
        numbers: `(rows, 1)` predictions of `hidden` by model.
    """

    units: np.ndarray
    hidden: np.ndarray
    labels: np.ndarray
    scores: Scores
    numbers: Scores


def drawn(case: Case, random: np.random.Generator, better: float = 1.0) -> Rows:
    """Draw rows.

    Args:
        case: How many, and of which kind.
        random: Draws.
        better: Of the deep model's own error, relative to the baseline's.
    """
    units = np.repeat(np.arange(case.units), case.rows)
    shared = SHARED if case.rows > 1 else 0.0

    def noise() -> np.ndarray:
        of_unit, own = random.normal(size=case.units)[units], random.normal(size=len(units))
        mixed: np.ndarray = np.sqrt(shared) * of_unit + np.sqrt(1.0 - shared) * own
        return mixed

    hidden, seen = noise(), noise()
    cut = stats.norm.isf(case.share)
    numbers = {
        name: hidden + 0.5 * seen + NOISE * factor * noise()
        for name, factor in (("baseline", 1.0), ("deep", better))
    }
    scores = {name: 1.0 / (1.0 + np.exp(1.5 * (cut - item)))[:, None] for name, item in numbers.items()}
    labels = (hidden > cut).astype(np.int64)
    return Rows(units, hidden, labels, scores, {name: item[:, None] for name, item in numbers.items()})


def measured(case: Case, name: str, rows: Rows, known: Rows, seed: int) -> Difference:
    """The difference of one metric, or of money.

    Args:
        case: What was drawn.
        name: The metric's, or `money`.
        rows: Evaluation rows.
        known: Validation rows.
        seed: Of the bootstrap.
    """
    units = rows.units if case.rows > 1 else None
    if name == MONEY:
        around = Circumstances(units, known.units if case.rows > 1 else None)
        judged = EvaluationSet(TASK, rows.labels, known.labels, train=0, circumstances=around)
        gain = decisions(judged, rows.scores, known.scores, BUSINESS, seed).gain
        assert gain is not None
        return gain("baseline", "deep")
    metric = METRICS[name]
    if metric in VALUES:
        return difference(metric, rows.hidden, rows.numbers["baseline"], rows.numbers["deep"], seed, units)
    scores = rows.scores
    if metric in CLASSES:
        scores = {model: class_probabilities(item) for model, item in scores.items()}
    return difference(metric, rows.labels, scores["baseline"], scores["deep"], seed, units)


def usable(case: Case, random: np.random.Generator, better: float) -> Rows:
    """Rows that hold both classes."""
    while True:
        rows = drawn(case, random, better)
        if 0 < rows.labels.sum() < len(rows.labels):
            return rows


def truth(case: Case, name: str) -> float:
    """The better model's advantage over very many rows."""
    many = Case(TRUTH_UNITS // case.rows, case.rows, case.share)
    rows = drawn(many, np.random.default_rng(1), BETTER)
    if name in {metric.name for metric in VALUES}:
        return METRICS[name].value(rows.hidden, rows.numbers["deep"]) - METRICS[name].value(
            rows.hidden, rows.numbers["baseline"]
        )
    scores = {
        model: class_probabilities(item) if METRICS[name] in CLASSES else item
        for model, item in rows.scores.items()
    }
    return METRICS[name].value(rows.labels, scores["deep"]) - METRICS[name].value(
        rows.labels, scores["baseline"]
    )


@dataclass(frozen=True)
class Level:
    """What a test does in a case, as shares of runs.

    Attributes:
        case: The case.
        metric: The metric.
        tells: Runs with units enough for a verdict; the others are of these.
        rejected: Equal models told apart.
        covered: Intervals that hold the true difference of unequal ones; None of money.
        power: Unequal models told apart.
    """

    case: Case
    metric: str
    tells: float
    rejected: float
    covered: float | None
    power: float

    @property
    def line(self) -> str:
        """A row of the table."""
        case = self.case
        shown = "–" if self.covered is None else f"{self.covered:.3f}"
        if self.tells == 0.0:
            return f"| {case.units} | {case.rows} | {case.share:g} | {self.metric} | 0 | no verdict | | |"
        return (
            f"| {case.units} | {case.rows} | {case.share:g} | {self.metric} | {self.tells:.2f} |"
            f" {self.rejected:.3f} | {shown} | {self.power:.2f} |"
        )


def levels(case: Case, names: list[str], runs: int, seed: int = 0) -> Iterator[Level]:
    """What the tests of some metrics do.

    Args:
        case: What is simulated.
        names: Of metrics, and `money`.
        runs: How often.
        seed: Of all draws.
    """
    random = np.random.default_rng(seed)
    true = {name: truth(case, name) for name in names if name != MONEY}
    found: dict[str, list[tuple[bool, bool, bool, bool]]] = {name: [] for name in names}
    for run in range(runs):
        equal, known = usable(case, random, 1.0), usable(case, random, 1.0)
        unequal, known_unequal = usable(case, random, BETTER), usable(case, random, BETTER)
        for name in names:
            none = measured(case, name, equal, known, run)
            some = measured(case, name, unequal, known_unequal, run)
            low, high = some.interval()
            covered = low <= true.get(name, 0.0) <= high
            found[name].append((none.tells, none.p_value < LEVEL, covered, some.p_value < LEVEL))
    for name, outcomes in found.items():
        tells, rejected, covered, told = np.array(outcomes, float).T
        count = max(tells.sum(), 1.0)
        yield Level(
            case,
            name,
            float(tells.mean()),
            float((rejected * tells).sum() / count),
            float((covered * tells).sum() / count) if name in true else None,
            float((told * tells).sum() / count),
        )


def main() -> int:
    """Simulate all cases and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--metrics", nargs="*", default=[*METRICS, MONEY])
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {platform.platform()}; {options.runs} runs\n")
    print("| units | rows each | positives | metric | verdicts | type-I error | coverage | power |")
    print("|---|---|---|---|---|---|---|---|")
    every: list[Level] = []
    for case in CASES:
        for level in levels(case, options.metrics, options.runs):
            print(level.line, flush=True)
            every.append(level)
    given = [level for level in every if level.tells > 0.0]
    error = max(given, key=lambda level: level.rejected)
    print(f"\nLargest type-I error {error.rejected:.3f}: {error.metric}, {error.case}")
    within = sum(0.02 <= level.rejected <= 0.07 for level in given)
    print(
        f"{within} of {len(given)} between .02 and .07, {sum(level.rejected > 0.07 for level in given)} above"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
