"""Kinds of feature columns, one file each: all that a kind is, from raw cells to served tensors."""

from __future__ import annotations

import pyarrow as pa

from solutionkit.kinds.base import Feature, Files, Kind
from solutionkit.kinds.categorical import Categorical
from solutionkit.kinds.date import Date
from solutionkit.kinds.image import Image
from solutionkit.kinds.numeric import Numeric
from solutionkit.kinds.sequence import Sequence
from solutionkit.kinds.series import Future, Past
from solutionkit.kinds.text import Text

__all__ = [
    "CATEGORICAL",
    "DATE",
    "FUTURE",
    "IMAGE",
    "KINDS",
    "NUMERIC",
    "PAST",
    "SEQUENCE",
    "TEXT",
    "Feature",
    "Files",
    "Kind",
    "block_of",
    "claiming",
    "kind_of",
]

# In the order in which models see columns.
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (Numeric(), Date(), Text(), Categorical(), Sequence(), Past(), Future(), Image())
}
NUMERIC, CATEGORICAL, SEQUENCE, IMAGE = Numeric.name, Categorical.name, Sequence.name, Image.name
PAST, FUTURE, TEXT, DATE = Past.name, Future.name, Text.name, Date.name


def claiming(values: pa.ChunkedArray) -> Kind | None:
    """The kind of a column that nobody declared; none where cells are neither numbers nor text."""
    return next((kind for kind in KINDS.values() if kind.claims(values)), None)


def block_of(feature: Feature) -> str:
    """The output of tf.Transform's graph that a feature's columns stand in."""
    return kind_of(feature).block or feature.kind


def kind_of(feature: Feature) -> Kind:
    """The kind of a feature."""
    return KINDS[feature.kind]
