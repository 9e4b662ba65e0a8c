"""The label: its classes, its ids, and whether there is enough of each class."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.declaration import Columns
from solutionkit.examples.columns import TableSpec, as_text, is_number
from solutionkit.examples.splitting import SPLITS

NEGATIVES = {"1": "0", "yes": "no", "true": "false", "y": "n", "t": "f"}
FEWEST_OF_A_CLASS = 20
Classes = tuple[str, ...]


def label_classes(values: pa.ChunkedArray, columns: Columns) -> tuple[Classes, list[str]]:
    """`((negative, positive), problems)` of a binary label; no classes where there is a problem."""
    found = sorted(pc.unique(as_text(values).drop_null()).to_pylist())
    shown = ", ".join(map(repr, found[:6])) + (" …" if len(found) > 6 else "")
    if len(found) != 2:
        advice = "a model needs both classes" if len(found) < 2 else "a binary label is needed"
        return (), [f"the label '{columns.label}' has {len(found)} distinct values ({shown}); {advice}"]
    same = {canonical(value): value for value in found}
    if columns.positive is not None:
        positive = same.get(canonical(str(columns.positive)))
        if positive is None:
            return (), [f"columns.positive = {columns.positive!r} is no value of '{columns.label}' ({shown})"]
    else:
        positive = next((same[value] for value in same if NEGATIVES.get(value) in same), None)
        if positive is None:
            return (), [f"which value of '{columns.label}' is positive ({shown})? Set columns.positive"]
    return (next(value for value in found if value != positive), positive), []


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


def split_problems(labels: np.ndarray, splits: np.ndarray, spec: TableSpec) -> list[str]:
    """Splits that lack a class."""
    return [
        f"the {name} rows ({int((splits == name).sum())}) hold no {spec.label} = {value!r};"
        " choose another split"
        for name in SPLITS
        for i, value in enumerate(spec.classes)
        if not (labels[splits == name] == i).any()
    ]
