"""Does a corner drive the answer, where a mark may stand that goes with the disease?

J. Zech et al., "Variable generalization performance of a deep learning model to detect pneumonia", PLOS
Medicine 15 (2018): networks read from marks which hospital and scanner made a film. Here each corner of
evaluated scans is covered, and the very model that would be served is asked again.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import PIL.Image
from scipy import stats

from solutionkit.compare.gates import IN_WORDS, Gate, Scrutiny
from solutionkit.declaration import Declaration
from solutionkit.declaration_parts import Clinical
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import IMAGE
from solutionkit.tasks.classification.metrics import class_probabilities, detection_scores
from solutionkit.tasks.classification.task import classification

# Scans that are looked at, values of a column at most that are compared, and scans of each.
MOST_SCANS, MOST_VALUES, FEWEST_SCANS = 240, 8, 15
# A square's side, as a share of the scan's shorter one; and how many within the body stand beside.
SIDE, BESIDE = 0.22, 4
# Where these may begin, as a share of the way.
WITHIN = (0.28, 0.72)
# So much must the log odds of a group move more than those of others, and so unlikely by chance.
STRONG, TIMES, LEVEL = 0.5, 4.0, 0.01
CORNERS = {"top left": (0, 0), "top right": (0, 1), "bottom left": (1, 0), "bottom right": (1, 1)}
NAME, EPSILON = "shortcut", 1e-6

# `(rows,)` serialized tf.Examples -> `(rows, outputs)` of a model.
Score = Callable[[np.ndarray], np.ndarray]


def scrutinise(
    examples: np.ndarray,
    columns: Mapping[str, np.ndarray],
    spec: TableSpec,
    models: Mapping[str, Score],
    declaration: Declaration,
) -> dict[str, Scrutiny]:
    """Whether a corner drives what each model says.

    Args:
        examples: `(rows,)` serialized tf.Examples that evaluate.
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
    targets: dict[str, np.ndarray] = {}
    for variant, changed in variants(scans, seed):
        asked = with_pixels(drawn, name, changed)
        for model, score in models.items():
            outputs = score(asked)
            if model not in targets:
                targets[model] = class_probabilities(outputs).argmax(axis=1)
            odds[model][variant] = log_odds(outputs, targets[model], spec)
    refuse = (declaration.clinical or Clinical()).shortcuts == "refuse"
    return {model: judged(model, shortcut(told, made_by), refuse) for model, told in odds.items()}


def judged(model: str, found: dict[str, Any], refuse: bool) -> Scrutiny:
    """What follows for a model.

    Args:
        model: Its name.
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
    """A scan of which a square shows nothing but the median of what lies about it.

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
    result[top : top + side, left : left + side] = np.median(around, axis=(0, 1)).astype(scan.dtype)
    return result


def shortcut(odds: Mapping[str, np.ndarray], made_by: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """How far each corner moves the answer, beside places within the body, and for whose scans.

    Args:
        odds: `(scans,)` log odds by variant, see `variants`.
        made_by: Columns such as site and scanner, each `(scans,)`.

    Returns:
        `corners` with the mean absolute `change` of the log odds, `within` that of places in the body, and
        `found`: corners that move the answer of one value's scans.
    """
    before = odds["before"]
    usual = float(np.mean([np.abs(before - odds[name]) for name in odds if name.startswith("within")]))
    corners, tested = [], []
    for place in CORNERS:
        change = before - odds[place]
        corners.append({"place": place, "change": float(np.abs(change).mean())})
        for column, values in made_by.items():
            for value in sorted(set(values.tolist())):
                own = values == value
                if min(own.sum(), (~own).sum()) < FEWEST_SCANS or change.std() == 0.0:
                    continue
                tested.append(
                    {
                        "place": place,
                        "column": column,
                        "value": value,
                        "change": float(change[own].mean()),
                        "elsewhere": float(change[~own].mean()),
                        "p_value": float(stats.ttest_ind(change[own], change[~own], equal_var=False).pvalue),
                    }
                )
    found = [
        item
        for item in tested
        if abs(item["change"] - item["elsewhere"]) >= STRONG
        and abs(item["change"]) >= TIMES * abs(item["elsewhere"])
        and item["p_value"] * len(tested) < LEVEL
    ]
    found.sort(key=lambda item: -abs(item["change"] - item["elsewhere"]))
    return {"corners": corners, "within": usual, "found": found}


def log_odds(outputs: np.ndarray, targets: np.ndarray, spec: TableSpec) -> np.ndarray:
    """`(rows,)` log odds of a finding; where no class means that nothing was found, of a class.

    Args:
        outputs: `(rows, outputs)` probabilities.
        targets: `(rows,)` that class.
        spec: What the classes mean.
    """
    if classification(spec).has_negative_class:
        probability = detection_scores(outputs)
    else:
        probability = class_probabilities(outputs)[np.arange(len(outputs)), targets]
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
                f"The {IN_WORDS[name]} goes by the {hit['place']} corner: without it the log odds of scans"
                f" with {hit['column']} = {hit['value']} fall by {hit['change']:.2f} on average, those of"
                f" others by {hit['elsewhere']:.2f}, and places within the body move them by"
                f" {found['within']:.2f}. Such a model tells who made the scan, not what is on it: cover the"
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
