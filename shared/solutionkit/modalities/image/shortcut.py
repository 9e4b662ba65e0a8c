"""Does a corner drive the answer, where a mark may stand that goes with the disease?

J. Zech et al., "Variable generalization performance of a deep learning model to detect pneumonia", PLOS
Medicine 15 (2018): networks read from marks which hospital and scanner made a film. Here each corner of
evaluated scans is covered, and the very model that would be served is asked again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from solutionkit.compare.evaluation import EvaluationSet
from solutionkit.compare.gates import IN_WORDS, Gate, Scrutiny
from solutionkit.declaration import Declaration
from solutionkit.declaration_parts import Clinical
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE
from solutionkit.modalities.image.covering import CORNERS, SIDE, pixels_of, variants, with_pixels
from solutionkit.tasks.classification.metrics import class_probabilities, detection_scores
from solutionkit.tasks.classification.task import classification

# Scans that are looked at, as far as their pixels are no more than so many; and how many at once.
MOST_SCANS, MOST_PIXELS, AT_ONCE = 240, 60_000_000, 16
# The most frequent values of a column that are compared, units (patients) of each, and of each in a class.
MOST_VALUES, FEWEST_UNITS, FEWEST_OF_A_CLASS = 8, 15, 5
# Scans are scaled down to no less than so many times what the models read.
FINER = 2
# So much further must a corner part a group from the others in log odds, so many times as far as any square
# within the body does, and so unlikely by chance.
STRONG, TIMES, LEVEL = 0.5, 1.5, 0.01
NAME, EPSILON = "shortcut", 1e-6
NOT_TESTED = (
    f"no column of [slices] has two values with {FEWEST_UNITS} patients each among the scans that were"
    " looked at"
)

# `(rows,)` serialized tf.Examples -> `(rows, outputs)` of a model.
Score = Callable[[np.ndarray], np.ndarray]


def scrutinise(
    examples: np.ndarray,
    judged: EvaluationSet,
    spec: TableSpec,
    models: Mapping[str, Score],
    declaration: Declaration,
) -> dict[str, Scrutiny]:
    """Whether a corner drives what each model says.

    Args:
        examples: `(rows,)` serialized tf.Examples that evaluate.
        judged: What is known of these: classes, the columns of `[slices]`, patients.
        spec: What the columns are.
        models: What scores rows, by name.
        declaration: Whether an accused model may ship, and the seed.
    """
    name, seed = spec.only(IMAGE).name, declaration.training.seed
    read = FINER * min(spec.only(IMAGE).shape[:2])
    order = np.random.default_rng(seed).permutation(len(examples))
    largest = max((pixels_of(examples[row], name, read).size for row in order[:AT_ONCE]), default=1)
    rows = np.sort(order[: min(MOST_SCANS, max(MOST_PIXELS // largest, AT_ONCE))])
    odds: dict[str, dict[str, list[np.ndarray]]] = {model: {} for model in models}
    for start in range(0, len(rows), AT_ONCE):
        some = examples[rows[start : start + AT_ONCE]]
        scans = [pixels_of(example, name, read) for example in some]
        for variant, changed in variants(scans, seed):
            asked = with_pixels(some, name, changed)
            for model, score in models.items():
                odds[model].setdefault(variant, []).append(log_odds(score(asked), spec))
    groups = groups_of({column: values[rows] for column, values in judged.slices.items()})
    task = classification(spec)
    classes = (task.positive_name or "",) if task.has_negative_class else task.classes
    found = {}
    for model, parts in odds.items():
        told = {variant: np.concatenate(items) for variant, items in parts.items()}
        found[model] = shortcut(told, groups, judged.labels[rows], judged.codes[rows], classes)
    refuse = (declaration.clinical or Clinical()).shortcuts == "refuse"
    return {model: verdict(told, refuse) for model, told in found.items()}


def groups_of(columns: Mapping[str, np.ndarray]) -> list[tuple[str, str, np.ndarray]]:
    """The most frequent values of each column, and which scans have them.

    Args:
        columns: Each `(scans,)`.
    """
    groups = []
    for column, values in columns.items():
        texts = values.astype(str)
        known, counts = np.unique(texts, return_counts=True)
        # Of numbers with a value a row there are no groups.
        if len(known) > len(texts) / 2:
            continue
        for value in sorted(known[np.argsort(-counts, kind="stable")[:MOST_VALUES]]):
            groups.append((column, str(value), texts == value))
    return groups


def verdict(found: dict[str, Any], refuse: bool) -> Scrutiny:
    """What follows for a model.

    Args:
        found: See `shortcut`.
        refuse: Whether it may not ship then.
    """
    if not found["tested"]:
        return Scrutiny(
            {NAME: found}, gate=Gate(NAME, False, f"it was not tested: {NOT_TESTED}") if refuse else None
        )
    if not found["found"]:
        why = "no corner drives its answer more for one group of scans than for others"
        return Scrutiny({NAME: found}, gate=Gate(NAME, True, why) if refuse else None)
    hit = found["found"][0]
    objection = f"it goes by the {hit['place']} corner of scans with {hit['column']} = {hit['value']}"
    return Scrutiny({NAME: found}, objection, Gate(NAME, False, objection) if refuse else None)


def shortcut(
    odds: Mapping[str, np.ndarray],
    groups: list[tuple[str, str, np.ndarray]],
    labels: np.ndarray,
    units: np.ndarray,
    classes: tuple[str, ...],
) -> dict[str, Any]:
    """How far each corner moves the answer, beside places within the body, and for whose scans.

    Args:
        odds: `(scans, classes)` log odds by variant, see `variants`.
        groups: Columns, their values, and `(scans,)` which have them.
        labels: `(scans,)` class ids: groups are compared among scans of one class, since a disease may be
            more frequent in one of them.
        units: `(scans,)` codes of patients, whose scans count as one.
        classes: Of which odds are: the finding, or all where none means that nothing was found.

    Returns:
        `scans` and how many comparisons were `tested`; `corners` with the mean absolute `change` of the log
        odds, `within` that of places in the body, and `found`: corners that move the answer of one value's
        scans otherwise than that of others, and more so than any square `within` does.
    """
    changes = {name: odds["before"] - told for name, told in odds.items() if name != "before"}
    within = [change for name, change in changes.items() if name.startswith("within")]
    corners = [{"place": place, "change": float(np.abs(changes[place]).mean())} for place in CORNERS]
    found, tested = [], 0
    for (column, value, own), (number, of) in itertools.product(groups, enumerate(classes)):
        compared = Compared.of(own, labels, units)
        if compared is None:
            continue
        usual = [compared.gap(change[:, number]) for change in within]
        largest = max(abs(item.value) for item in usual)
        for place in CORNERS:
            gap = compared.gap(changes[place][:, number])
            tested += 1
            # Of two groups that are parted the one is named whose scans the corner moves more.
            if abs(gap.value) >= max(STRONG, TIMES * largest) and abs(gap.own) >= abs(gap.other):
                told = {"place": place, "column": column, "value": value, "of": of, "change": gap.own}
                told |= {"elsewhere": gap.other, "within": largest, "p_value": gap.p_value}
                found.append(told)
    found = [item for item in found if item["p_value"] * tested < LEVEL]
    found.sort(key=lambda item: -abs(item["change"] - item["elsewhere"]))
    usual_change = float(np.abs(within).mean())
    return {
        "scans": len(labels),
        "tested": tested,
        "corners": corners,
        "within": usual_change,
        "found": found,
    }


@dataclass(frozen=True)
class Gap:
    """How two groups of scans differ, among scans of one class.

    Attributes:
        own: The first group's mean.
        other: The second's.
        error: The standard error of their difference.
        degrees: Of freedom of that.
    """

    own: float
    other: float
    error: float
    degrees: float

    @property
    def value(self) -> float:
        """The first less the second."""
        return self.own - self.other

    @property
    def p_value(self) -> float:
        """Of no difference (B. Welch, Biometrika 34, 1947)."""
        if self.error == 0.0:
            return 1.0 if self.value == 0.0 else 0.0
        return float(2.0 * stats.t.sf(abs(self.value) / self.error, self.degrees))


@dataclass(frozen=True)
class Compared:
    """Two groups of scans, of whose patients each counts once a class and group.

    Attributes:
        parts: By class `(scans,)` positions among its patients of the first group's scans, and of the
            second's; -1 elsewhere.
        weights: `(classes,)` how much each tells, in sum 1.
    """

    parts: tuple[tuple[np.ndarray, np.ndarray], ...]
    weights: np.ndarray

    @classmethod
    def of(cls, group: np.ndarray, labels: np.ndarray, units: np.ndarray) -> Compared | None:
        """None where there are too few patients of either group.

        Args:
            group: `(scans,)` which are of the first one.
            labels: `(scans,)` class ids.
            units: `(scans,)` codes of patients.
        """
        parts, counts = [], []
        for label in np.unique(labels):
            sides = []
            for side in (group, ~group):
                place = np.full(len(labels), -1)
                rows = side & (labels == label)
                place[rows] = np.unique(units[rows], return_inverse=True)[1]
                sides.append(place)
            count = [int(place.max(initial=-1)) + 1 for place in sides]
            if min(count) >= FEWEST_OF_A_CLASS:
                parts.append((sides[0], sides[1]))
                counts.append(count)
        if not parts or np.sum(counts, axis=0).min() < FEWEST_UNITS:
            return None
        weights = np.array([first * second / (first + second) for first, second in counts])
        return cls(tuple(parts), weights / weights.sum())

    def gap(self, values: np.ndarray) -> Gap:
        """Of `(scans,)` values."""
        means, errors, spreads = [], [], []
        for sides, weight in zip(self.parts, self.weights, strict=True):
            own = [
                np.bincount(place[place >= 0], weights=values[place >= 0]) / np.bincount(place[place >= 0])
                for place in sides
            ]
            means.append([weight * item.mean() for item in own])
            for item in own:
                errors.append(weight**2 * item.var(ddof=1) / len(item))
                spreads.append(errors[-1] ** 2 / (len(item) - 1))
        own_mean, other_mean = np.sum(means, axis=0)
        total = float(np.sum(errors))
        degrees = total**2 / float(np.sum(spreads)) if total > 0.0 else 1.0
        return Gap(float(own_mean), float(other_mean), total**0.5, degrees)


def log_odds(outputs: np.ndarray, spec: TableSpec) -> np.ndarray:
    """`(rows, 1)` log odds of the finding; where no class means that nothing was found, `(rows, classes)`.

    Args:
        outputs: `(rows, outputs)` probabilities.
        spec: What the classes mean.
    """
    if classification(spec).has_negative_class:
        probability = detection_scores(outputs)[:, None]
    else:
        probability = class_probabilities(outputs)
    clipped = np.clip(probability.astype(np.float64), EPSILON, 1.0 - EPSILON)
    odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return odds


def in_words(models: Mapping[str, Any]) -> str:
    """One sentence a model that goes by a corner; that none does, else.

    Args:
        models: That part of `comparison.json`.
    """
    told = []
    known = {name: model[NAME] for name, model in models.items() if NAME in model}
    if not any(found["tested"] for found in known.values()):
        return f"Whether a corner drives the answer was not tested: {NOT_TESTED}."
    for name, found in known.items():
        if found["found"]:
            hit = found["found"][0]
            told.append(
                f"The {IN_WORDS[name]} goes by the {hit['place']} corner: without it the log odds of"
                f" '{hit['of']}' change by {-hit['change']:+.2f} on average in scans with"
                f" {hit['column']} = {hit['value']}, in others by"
                f" {-hit['elsewhere']:+.2f}; no square within the body parts them by more than"
                f" {hit['within']:.2f}."
            )
    if told:
        told.append(
            "Such a model tells who made the scan, not what is on it: cover the corners (images.corners ="
            f" {SIDE:g}) and train again."
        )
    return (
        " ".join(told)
        or "No corner drives the answer of any model more for one group of scans than for others."
    )


def in_table(models: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """By how much each corner moves each model's answer, a row a model.

    Args:
        models: That part of `comparison.json`.
    """
    found = {name: model[NAME] for name, model in models.items() if NAME in model}
    rows = [("", *CORNERS, "within the body")]
    for name, item in found.items():
        changes = [f"{corner['change']:.2f}" for corner in item["corners"]]
        rows.append((name, *changes, f"{item['within']:.2f}"))
    return tuple(rows)
