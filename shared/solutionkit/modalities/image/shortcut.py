"""Does a corner drive the answer, where a mark may stand that goes with the disease?

J. Zech et al., "Variable generalization performance of a deep learning model to detect pneumonia", PLOS
Medicine 15 (2018): networks read from marks which hospital and scanner made a film. Here each corner of
evaluated scans is covered, and the very model that would be served is asked again.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
from scipy import ndimage, stats

from solutionkit.compare.gates import IN_WORDS, Gate, Scrutiny
from solutionkit.declaration import Declaration
from solutionkit.declaration_parts import Clinical
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE
from solutionkit.tasks.classification.metrics import class_probabilities, detection_scores
from solutionkit.tasks.classification.task import classification

# Scans that are looked at, values of a column at most that are compared, and scans of each, of a class too.
MOST_SCANS, MOST_VALUES, FEWEST_SCANS, FEWEST_OF_A_CLASS = 240, 8, 15, 5
# A square's side, as a share of the scan's shorter one; and how many within the body stand beside.
SIDE, BESIDE = 0.22, 5
# Where these may begin, as a share of the way.
WITHIN = (0.28, 0.72)
# So much further must a corner part a group from the others in log odds, so many times as far as any square
# within the body does, and so unlikely by chance.
STRONG, TIMES, LEVEL = 0.5, 1.5, 0.01
# What is finer than so many pixels is grain.
GRAIN = 2.0
CORNERS = {"top left": (0, 0), "top right": (0, 1), "bottom left": (1, 0), "bottom right": (1, 1)}
NAME, EPSILON = "shortcut", 1e-6

# `(rows,)` serialized tf.Examples -> `(rows, outputs)` of a model.
Score = Callable[[np.ndarray], np.ndarray]


def scrutinise(
    examples: np.ndarray,
    labels: np.ndarray,
    columns: Mapping[str, np.ndarray],
    spec: TableSpec,
    models: Mapping[str, Score],
    declaration: Declaration,
) -> dict[str, Scrutiny]:
    """Whether a corner drives what each model says.

    Args:
        examples: `(rows,)` serialized tf.Examples that evaluate.
        labels: `(rows,)` class ids.
        columns: The columns of `[slices]`, each `(rows,)`.
        spec: What the columns are.
        models: What scores rows, by name.
        declaration: Whether an accused model may ship, and the seed.
    """
    seed = declaration.training.seed
    rows = np.sort(np.random.default_rng(seed).permutation(len(examples))[:MOST_SCANS])
    drawn = examples[rows]
    made_by = {
        name: values[rows]
        for name, values in columns.items()
        if 2 <= len(set(values[rows].tolist())) <= MOST_VALUES
    }
    name = spec.only(IMAGE).name
    scans = [pixels_of(example, name) for example in drawn]
    odds: dict[str, dict[str, np.ndarray]] = {model: {} for model in models}
    for variant, changed in variants(scans, seed):
        asked = with_pixels(drawn, name, changed)
        for model, score in models.items():
            odds[model][variant] = log_odds(score(asked), spec)
    refuse = (declaration.clinical or Clinical()).shortcuts == "refuse"
    task = classification(spec)
    classes = (task.positive_name or "",) if task.has_negative_class else task.classes
    found = {model: shortcut(told, made_by, labels[rows], classes) for model, told in odds.items()}
    return {model: judged(told, refuse) for model, told in found.items()}


def judged(found: dict[str, Any], refuse: bool) -> Scrutiny:
    """What follows for a model.

    Args:
        found: See `shortcut`.
        refuse: Whether it may not ship then.
    """
    if not found["found"]:
        why = "no corner drives its answer more for one group of scans than for others"
        return Scrutiny({NAME: found}, gate=Gate(NAME, True, why) if refuse else None)
    hit = found["found"][0]
    objection = f"it goes by the {hit['place']} corner of scans with {hit['column']} = {hit['value']}"
    return Scrutiny({NAME: found}, objection, Gate(NAME, False, objection) if refuse else None)


def variants(scans: list[np.ndarray], seed: int) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Scans as they are ("before"), with a corner covered (its name), and with a square within ("within 1").

    Args:
        scans: `(height, width)` or `(height, width, channels)` each.
        seed: Of the squares within.
    """
    random = np.random.default_rng(seed)
    yield "before", scans
    for name, (down, across) in CORNERS.items():
        yield name, [covered(scan, down, across) for scan in scans]
    for number in range(BESIDE):
        down, across = random.uniform(*WITHIN, 2)
        yield f"within {number + 1}", [covered(scan, down, across) for scan in scans]


def covered(scan: np.ndarray, down: float, across: float) -> np.ndarray:
    """A scan of which a square shows the median of what lies about it, with the grain of what lies beside.

    Without grain it would be like no scan, and models of texture would answer to that.

    Args:
        scan: `(height, width)` or `(height, width, channels)`.
        down: Where the square is, from 0 at the top to 1 at the bottom.
        across: The same from left to right.
    """
    height, width = scan.shape[:2]
    side = max(int(SIDE * min(height, width)), 2)
    top, left = round(down * (height - side)), round(across * (width - side))
    result = scan.copy()
    around = scan[max(top - 2, 0) : top + side + 2, max(left - 2, 0) : left + side + 2]
    start = left + side if left + 2 * side <= width else left - side
    beside = scan[top : top + side, start : start + side].astype(np.float64)
    grain = beside - ndimage.gaussian_filter(beside, (GRAIN, GRAIN, *[0.0] * (scan.ndim - 2)))
    plain = np.median(around, axis=(0, 1)) + grain
    white = np.iinfo(scan.dtype).max
    result[top : top + side, left : left + side] = plain.round().clip(0, white).astype(scan.dtype)
    return result


def shortcut(
    odds: Mapping[str, np.ndarray],
    made_by: Mapping[str, np.ndarray],
    labels: np.ndarray,
    classes: tuple[str, ...],
) -> dict[str, Any]:
    """How far each corner moves the answer, beside places within the body, and for whose scans.

    Args:
        odds: `(scans, classes)` log odds by variant, see `variants`.
        made_by: Columns such as site and scanner, each `(scans,)`.
        labels: `(scans,)` class ids: groups are compared among scans of one class, since a disease may be
            more frequent in one of them.
        classes: Of which odds are: the finding, or all where none means that nothing was found.

    Returns:
        `corners` with the mean absolute `change` of the log odds, `within` that of places in the body, and
        `found`: corners that move the answer of one value's scans otherwise than that of others, and more so
        than any square `within` does.
    """
    changes = {name: odds["before"] - told for name, told in odds.items() if name != "before"}
    within = [change for name, change in changes.items() if name.startswith("within")]
    corners = [{"place": place, "change": float(np.abs(changes[place]).mean())} for place in CORNERS]
    groups = [
        (column, value, values == value)
        for column, values in made_by.items()
        for value in sorted(set(values.tolist()))
    ]
    found, tested = [], 0
    for (column, value, own), (number, of) in itertools.product(groups, enumerate(classes)):
        usual = [Gap.of(change[:, number], own, labels) for change in within]
        for place in CORNERS:
            gap = Gap.of(changes[place][:, number], own, labels)
            if gap is None or gap.error == 0.0:
                continue
            tested += 1
            beside = [item for item in usual if item is not None]
            largest = max((abs(item.value) for item in beside), default=0.0)
            # Of two groups that are parted the one is named whose scans the corner moves more.
            if abs(gap.value) >= max(STRONG, TIMES * largest) and abs(gap.own) >= abs(gap.other):
                told = {"place": place, "column": column, "value": value, "of": of, "change": gap.own}
                told |= {"elsewhere": gap.other, "within": largest, "p_value": gap.p_value}
                found.append(told)
    found = [item for item in found if item["p_value"] * tested < LEVEL]
    found.sort(key=lambda item: -abs(item["change"] - item["elsewhere"]))
    return {"corners": corners, "within": float(np.abs(within).mean()), "found": found}


@dataclass(frozen=True)
class Gap:
    """How two groups of scans differ, among scans of one class.

    Attributes:
        own: The first group's mean.
        other: The second's.
        error: The standard error of their difference.
    """

    own: float
    other: float
    error: float

    @classmethod
    def of(cls, values: np.ndarray, group: np.ndarray, labels: np.ndarray) -> Gap | None:
        """The mean over classes, each by how much it tells; None where no class has enough of both groups.

        Args:
            values: `(scans,)`.
            group: `(scans,)` which are of the first one.
            labels: `(scans,)` class ids.
        """
        means, errors, weights = [], [], []
        for label in np.unique(labels):
            parts = [values[side & (labels == label)] for side in (group, ~group)]
            counts = [len(part) for part in parts]
            if min(counts) < FEWEST_OF_A_CLASS:
                continue
            means.append([part.mean() for part in parts])
            errors.append(sum(part.var(ddof=1) / len(part) for part in parts))
            weights.append(counts[0] * counts[1] / sum(counts))
        if not weights or min(group.sum(), (~group).sum()) < FEWEST_SCANS:
            return None
        share = np.array(weights) / np.sum(weights)
        own, other = share @ np.array(means)
        return cls(float(own), float(other), float(np.sqrt(share**2 @ np.array(errors))))

    @property
    def value(self) -> float:
        """The first less the second."""
        return self.own - self.other

    @property
    def p_value(self) -> float:
        """Of no difference."""
        return float(2.0 * stats.norm.sf(abs(self.value) / self.error))


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


def pixels_of(example: bytes, name: str) -> np.ndarray:
    """The picture of a serialized tf.Example, `(height, width)` or `(height, width, channels)`."""
    import tensorflow as tf

    file = tf.train.Example.FromString(example).features.feature[name].bytes_list.value[0]
    picture: PIL.Image.Image = PIL.Image.open(io.BytesIO(file))
    if picture.mode not in ("L", "I;16", "RGB"):
        picture = picture.convert("RGB")
    return np.array(picture)


def with_pixels(examples: np.ndarray, name: str, pictures: list[np.ndarray]) -> np.ndarray:
    """`(rows,)` serialized tf.Examples with other pictures, as PNG files.

    Args:
        examples: `(rows,)` as they are.
        name: The column of pictures.
        pictures: One a row.
    """
    import tensorflow as tf

    changed = []
    for serialized, picture in zip(examples, pictures, strict=True):
        example, file = tf.train.Example.FromString(serialized), io.BytesIO()
        PIL.Image.fromarray(picture).save(file, "PNG", compress_level=1)
        example.features.feature[name].bytes_list.value[:] = [file.getvalue()]
        changed.append(example.SerializeToString())
    return np.array(changed, object)


def in_words(models: Mapping[str, Any]) -> str:
    """One sentence a model that goes by a corner; that none does, else.

    Args:
        models: That part of `comparison.json`.
    """
    told = []
    for name, model in models.items():
        found = model.get(NAME)
        if found and found["found"]:
            hit = found["found"][0]
            told.append(
                f"The {IN_WORDS[name]} goes by the {hit['place']} corner: without it the log odds of"
                f" '{hit['of']}' change by {-hit['change']:+.2f} on average in scans with"
                f" {hit['column']} = {hit['value']}, in others by"
                f" {-hit['elsewhere']:+.2f}; no square within the body parts them by more than"
                f" {hit['within']:.2f}. Such a model tells who made the scan, not what is on it: cover the"
                " corners (images.corners) and train again."
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
