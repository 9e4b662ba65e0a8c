"""The label: its classes, its ids, and whether there is enough of each class."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.declaration import Columns
from solutionkit.examples.columns import TableSpec, as_text, is_number
from solutionkit.examples.splitting import EVAL, SPLITS

NEGATIVES = {"1": "0", "yes": "no", "true": "false", "y": "n", "t": "f"}
FEWEST_OF_A_CLASS = 20
MOST_CLASSES = 200
Classes = tuple[str, ...]


def label_classes(
    values: pa.ChunkedArray, columns: Columns, several: bool
) -> tuple[Classes, bool, list[str]]:
    """`(classes, detects, problems)` of a label; no classes where there is a problem.

    Args:
        values: The label column.
        columns: Which value is the positive or the negative one.
        several: Whether the use case takes more than two classes.

    Returns:
        The negative class first, where there is one (`detects`); of two classes there always is.
    """
    found = sorted(pc.unique(as_text(values).drop_null()).to_pylist())
    shown = ", ".join(map(repr, found[:6])) + (" …" if len(found) > 6 else "")
    label = columns.label
    if len(found) < 2:
        return (
            (),
            True,
            [f"the label '{label}' has {len(found)} distinct values ({shown}); a model needs both classes"],
        )
    if len(found) > (MOST_CLASSES if several else 2):
        advice = f"at most {MOST_CLASSES} are possible" if several else "a binary label is needed"
        return (), True, [f"the label '{label}' has {len(found)} distinct values ({shown}); {advice}"]
    same = {canonical(value): value for value in found}
    for key in ("positive", "negative"):
        value = getattr(columns, key)
        if value is not None and canonical(str(value)) not in same:
            return (), True, [f"columns.{key} = {value!r} is no value of '{label}' ({shown})"]
    if columns.positive is not None and len(found) > 2:
        return (
            (),
            True,
            [
                f"the label '{label}' has {len(found)} values: instead of columns.positive name the one that"
                " means nothing was found as columns.negative, if there is one"
            ],
        )
    if columns.negative is not None:
        negative = same[canonical(str(columns.negative))]
    elif len(found) > 2:
        return tuple(found), False, []
    elif columns.positive is not None:
        positive = same[canonical(str(columns.positive))]
        negative = next(value for value in found if value != positive)
    else:
        positives = [value for value in same if NEGATIVES.get(value) in same]
        if not positives:
            return (
                (),
                True,
                [f"which value of '{label}' is positive ({shown})? Set columns.positive or .negative"],
            )
        negative = same[NEGATIVES[positives[0]]]
    return (negative, *(value for value in found if value != negative)), True, []


def canonical(value: str) -> str:
    """A label's value as people mean it: `True` is `true`, `1.0` is `1`."""
    if is_number(pa.chunked_array([[value]])).to_pylist()[0] and float(value).is_integer():
        return str(int(float(value)))
    return value.lower()


def label_problems(labels: pa.ChunkedArray, label: str, classes: tuple[str, ...]) -> list[str]:
    """Too few rows of a class to learn or to judge anything."""
    counts = {value: pc.sum(pc.equal(labels, i)).as_py() or 0 for i, value in enumerate(classes)}
    return [
        f"only {count} rows have {label} = {name!r}; at least {FEWEST_OF_A_CLASS} are needed"
        for name, count in counts.items()
        if count < FEWEST_OF_A_CLASS
    ]


def split_problems(
    labels: np.ndarray, splits: np.ndarray, spec: TableSpec, sound_alone: bool = False
) -> list[str]:
    """Splits that lack a class which they must hold; where sound rows alone are learned from, only these."""
    return [
        f"the {name} rows ({int((splits == name).sum())}) hold no {spec.label} = {value!r};"
        " choose another split"
        for name in SPLITS
        for i, value in enumerate(spec.classes)
        if not (labels[splits == name] == i).any() and (i == 0 or name == EVAL or not sound_alone)
    ]
