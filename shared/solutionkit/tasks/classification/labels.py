"""The label: its classes, its ids, and whether there is enough of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import SHOWN, as_text, is_number, place
from solutionkit.declaration import Columns
from solutionkit.errors import Problem
from solutionkit.splits import EVAL

NEGATIVES = {"1": "0", "yes": "no", "true": "false", "y": "n", "t": "f"}
FEWEST_OF_A_CLASS = 20
MOST_CLASSES = 200
Classes = tuple[str, ...]


def classes_of(values: pa.ChunkedArray, label: str, most: int) -> tuple[Classes, list[Problem]]:
    """The values of a label, sorted; and why they are no classes.

    Args:
        values: The label column.
        label: Its name.
        most: How many there may be.
    """
    classes = tuple(sorted(pc.unique(as_text(values).drop_null()).to_pylist()))
    count = f"the label '{label}' has {len(classes)} distinct values ({shown_values(classes)})"
    if len(classes) < 2:
        return classes, [Problem("one_class", count, "a model needs two at least", label)]
    if len(classes) > most:
        remedy = f'at most {most} are possible; numbers are predicted by [project] task = "regression"'
        return classes, [Problem("too_many_classes", count, remedy, label)]
    return classes, []


def shown_values(classes: Sequence[str]) -> str:
    """Some of them, for a message."""
    return ", ".join(map(repr, classes[:6])) + (" …" if len(classes) > 6 else "")


def label_classes(values: pa.ChunkedArray, columns: Columns) -> tuple[Classes, bool, list[Problem]]:
    """`(classes, has_negative_class, problems)` of a label; no classes where there is a problem.

    Args:
        values: The label column.
        columns: Which value is the positive or the negative one.

    Returns:
        The negative class first, where there is one; of two classes there always is.
    """
    label = columns.label
    classes, problems = classes_of(values, label, MOST_CLASSES)
    if problems:
        return (), True, problems
    shown = shown_values(classes)

    def refused(code: str, message: str, remedy: str = "") -> tuple[Classes, bool, list[Problem]]:
        return (), True, [Problem(code, message, remedy, label)]

    same = {canonical(value): value for value in classes}
    for key in ("positive", "negative"):
        value = getattr(columns, key)
        if value is not None and canonical(str(value)) not in same:
            return refused("unknown_label", f"columns.{key} = {value!r} is no value of '{label}' ({shown})")
    if columns.positive is not None and len(classes) > 2:
        return refused(
            "positive_of_many",
            f"the label '{label}' has {len(classes)} values: instead of columns.positive name the one that"
            " means nothing was found as columns.negative, if there is one",
        )
    if columns.negative is not None:
        negative = same[canonical(str(columns.negative))]
    elif len(classes) > 2:
        return tuple(classes), False, []
    elif columns.positive is not None:
        positive = same[canonical(str(columns.positive))]
        negative = next(value for value in classes if value != positive)
    else:
        positives = [value for value in same if NEGATIVES.get(value) in same]
        if not positives:
            return refused(
                "positive_unknown",
                f"which value of '{label}' is positive ({shown})? Set columns.positive or .negative",
            )
        negative = same[NEGATIVES[positives[0]]]
    return (negative, *(value for value in classes if value != negative)), True, []


def canonical(value: str) -> str:
    """A label's value as people mean it: `True` is `true`, `1.0` is `1`."""
    if is_number(pa.chunked_array([[value]])).to_pylist()[0] and float(value).is_integer():
        return str(int(float(value)))
    return value.lower()


def to_class_ids(
    values: pa.ChunkedArray, label: str, classes: Classes
) -> tuple[pa.ChunkedArray, list[Problem]]:
    """Label values as their class's position; unknown and missing labels are problems."""
    texts = as_text(values)
    ids = pc.index_in(texts, pa.array(classes, pa.string())).cast(pa.int64())
    problems = []
    missing = pc.indices_nonzero(pc.is_null(texts)).to_pylist()
    if missing:
        rows = ", ".join(place(row) for row in missing[:SHOWN])
        message = f"the label '{label}' is missing in {len(missing)} rows ({rows}…)"
        problems.append(Problem("label_missing", message, column=label, rows=tuple(missing[:SHOWN])))
    unknown = pc.unique(texts.filter(pc.and_(pc.is_null(ids), pc.is_valid(texts)))).to_pylist()
    if unknown:
        shown = ", ".join(repr(value) for value in unknown[:SHOWN])
        known = f"known are {', '.join(map(repr, classes))}"
        problems.append(
            Problem("unknown_label", f"the label '{label}' has unknown values ({shown})", known, label)
        )
    return ids, problems


def rare_classes(
    labels: np.ndarray, label: str, classes: Classes, fewest: int = FEWEST_OF_A_CLASS
) -> list[Problem]:
    """Too few rows of a class to learn or to judge anything.

    Args:
        labels: `(rows,)` class ids.
        label: The label column.
        classes: What the ids mean.
        fewest: Rows that are enough.
    """
    counts = np.bincount(labels, minlength=len(classes))
    return [
        Problem(
            "rare_class",
            f"only {count} rows have {label} = {name!r}",
            f"at least {fewest} are needed",
            label,
        )
        for name, count in zip(classes, counts, strict=True)
        if count < fewest
    ]


def split_problems(labels: dict[str, np.ndarray], label: str, classes: Classes, method: str) -> list[Problem]:
    """Splits that lack a class which they must hold; where negative rows alone are learned from, only these.

    Args:
        labels: `(rows,)` class ids by split.
        label: The label column.
        classes: What the ids mean.
        method: `training.method`.
    """
    sound_alone = method == "anomaly"
    return [
        Problem(
            "class_missing_in_split",
            f"the {name} rows ({len(ids)}) hold no {label} = {value!r}",
            "choose another split",
            label,
        )
        for name, ids in labels.items()
        for i, value in enumerate(classes)
        if not (ids == i).any() and (i == 0 or name == EVAL or not sound_alone)
    ]
