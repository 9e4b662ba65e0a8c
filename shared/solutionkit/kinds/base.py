"""A feature column, and all that its kind decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from solutionkit.errors import Problem

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow_metadata.proto.v0 import schema_pb2


@dataclass(frozen=True)
class Feature:
    """One column that a model reads.

    Attributes:
        name: The column.
        kind: How it is read, one of `solutionkit.kinds.KINDS`.
        domain: The known values of a categorical column; position + 2 is a value's id. Of a date its parts.
        min_domain_mass: The least share of non-missing values that must be in the domain.
        min_fraction: The least share of rows that must have a value.
        shape: Height, width and channels to which an image is brought; steps and channels of a sequence.
        bits: Of an image's samples, 8 or 16.
        white: The largest value that an image's samples take; cameras of 12 bits fill a part of 16.
        corners: Squares at an image's corners that are made black, as a share of its shorter side.
        subject: What it tells of; explanations add up the features that share one. Its own where empty.
        reason: What a value means as a reason code; `{value}` is the value.
        computed: Whether it is computed of the rows before, rather than a column of the data.
        reference: Of a date, the column of the date that it is seen from.
    """

    name: str
    kind: str
    domain: tuple[str, ...] = ()
    min_domain_mass: float = 0.95
    min_fraction: float = 0.5
    shape: tuple[int, ...] = ()
    bits: int = 8
    white: int = 255
    corners: float = 0.0
    subject: str = ""
    reason: str = ""
    computed: bool = False
    reference: str = ""

    @property
    def cardinality(self) -> int:
        """Number of ids: missing, unseen, and one a known value."""
        return len(self.domain) + 2


class Kind(ABC):
    """A kind of feature column, from raw cells to what a served model takes.

    Attributes:
        name: What `Feature.kind` and the output of tf.Transform's graph call it.
        rows_transformed: Rows whose transformed form may be in memory at once.
        rows_scored: Rows that a model scores at once.
        nested: Whether cells are lists.
        is_text: Whether cells are short texts, so that rows can be sliced by them.
        stand_in: What goes along with a model in the place of cells that could name somebody; None where
            cells may go along themselves.
        has_values: Whether cells are values that other rows may have, too, so that they can be counted.
        block: The output of tf.Transform's graph that its columns stand in, where that is another kind's.
    """

    name: ClassVar[str]
    rows_transformed: ClassVar[int] = 8192
    # Trees decide all their nodes at once: larger batches only cost memory.
    rows_scored: ClassVar[int] = 1024
    nested: ClassVar[bool] = False
    is_text: ClassVar[bool] = False
    has_values: ClassVar[bool] = True
    stand_in: ClassVar[bytes | None] = None
    block: ClassVar[str] = ""

    def width(self, feature: Feature) -> int:
        """Columns of the block that a feature fills, as explanations count them."""
        del feature
        return 1

    def claims(self, values: pa.ChunkedArray) -> bool:
        """Whether a column that nobody declared is of this kind."""
        del values
        return False

    @abstractmethod
    def infer(self, name: str, values: pa.ChunkedArray, declared: bool) -> Feature | str:
        """The feature that a column is, or why it should be left out.

        Args:
            name: The column.
            values: Its raw cells, of training rows.
            declared: Whether the declaration names it, so that it cannot be left out.
        """

    def seen_from(self, feature: Feature, reference: str | None) -> Feature:
        """A feature beside the column of the date that rows are seen from, if there is one."""
        del reference
        return feature

    @abstractmethod
    def cast(self, values: pa.ChunkedArray, feature: Feature) -> tuple[pa.ChunkedArray, list[Problem]]:
        """Raw cells as typed ones, null where missing, and the cells that cannot be."""

    def problems(self, values: pa.ChunkedArray, feature: Feature) -> list[Problem]:
        """What is odd about typed cells, beyond too many missing ones."""
        del values, feature
        return []

    def unknown(self, values: pa.ChunkedArray, feature: Feature) -> str | None:
        """A note on typed cells that a model has never seen the like of."""
        del values, feature
        return None

    def numbers(self, values: pa.ChunkedArray) -> np.ndarray:
        """`(rows,)` typed cells as float64; texts as codes, in the order of how often they occur."""
        if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
            return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)
        indices = values.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy() + 1
        order = np.argsort(np.argsort(-np.bincount(indices), kind="stable"), kind="stable")
        codes: np.ndarray = order[indices].astype(np.float64)
        return codes

    def on_axis(self, values: np.ndarray) -> np.ndarray:
        """`(rows,)` readable values as a chart's axis has them: numbers, or texts that are counted."""
        return values

    def names_rows(self, values: np.ndarray) -> bool:
        """Whether `(rows,)` typed cells look like numbers of rows rather than something measured."""
        del values
        return False

    def tells(self, values: pa.ChunkedArray, positive: np.ndarray) -> float:
        """How well typed cells alone order rows by a truth value: a ROC-AUC, one half if they cannot.

        Args:
            values: Typed cells.
            positive: `(rows,)` truth values.
        """
        del values, positive
        return 0.5

    @abstractmethod
    def write_schema(self, feature: Feature, item: schema_pb2.Feature) -> None:
        """State the kind in a schema's entry, whose name and presence are there already."""

    @abstractmethod
    def read_schema(self, item: schema_pb2.Feature, domain: tuple[str, ...]) -> Feature | None:
        """The feature that a schema's entry states, if it is of this kind."""

    @abstractmethod
    def parsing(self, feature: Feature) -> Any:
        """How tf.Transform's graph reads the column of a tf.Example."""

    @abstractmethod
    def parsing_dense(self, feature: Feature) -> tf.io.FixedLenFeature:
        """How the column of a tf.Example is read as one of `serving_raw`'s tensors."""

    @abstractmethod
    def tensor(self, feature: Feature, name: str) -> tf.TensorSpec:
        """What `serving_raw` takes."""

    def to_parsed(self, values: tf.Tensor) -> Any:
        """What `parsing` gives, of what `serving_raw` takes."""
        return values

    @abstractmethod
    def array(self, values: pa.ChunkedArray) -> np.ndarray:
        """Typed cells as what `serving_raw` takes."""

    def readable(self, values: np.ndarray) -> np.ndarray:
        """`(rows,)` of what `serving_raw` takes, as people read it."""
        return values

    def stored(self, values: np.ndarray, feature: Feature) -> np.ndarray:
        """Transformed values in no more memory than they need."""
        del feature
        return values

    def as_read(self, values: np.ndarray) -> np.ndarray:
        """Stored values as models read them."""
        return values


class Single(Kind):
    """A kind of which each row has at most one value.

    Attributes:
        dtype: Of a value, as TensorFlow names it.
        missing: What stands for no value where a value must stand.
    """

    dtype: ClassVar[str]
    missing: ClassVar[float | str]

    def parsing(self, feature: Feature) -> Any:
        """At most one value a row."""
        import tensorflow as tf

        del feature
        return tf.io.VarLenFeature(tf.as_dtype(self.dtype))

    def parsing_dense(self, feature: Feature) -> tf.io.FixedLenFeature:
        """One value a row, `missing` for none."""
        import tensorflow as tf

        del feature
        return tf.io.FixedLenFeature([], tf.as_dtype(self.dtype), self.missing)

    def tensor(self, feature: Feature, name: str) -> tf.TensorSpec:
        """`(batch,)` values, `missing` for none."""
        import tensorflow as tf

        del feature
        return tf.TensorSpec([None], tf.as_dtype(self.dtype), name)

    def to_parsed(self, values: tf.Tensor) -> Any:
        """The values that are there."""
        return sparse(values)


class Files(Single):
    """A kind whose cells name files; their content stands in tf.Examples."""

    dtype, missing = "string", ""

    @abstractmethod
    def load(self, folder: Path, paths: list[str | None]) -> list[bytes | None]:
        """The content of files as it stands in tf.Examples; None stays None."""


def sparse(values: tf.Tensor) -> tf.SparseTensor:
    """A `(batch,)` tensor as the sparse column that tf.Transform's graph reads; missing values left out."""
    import tensorflow as tf

    known = ~tf.math.is_nan(values) if values.dtype.is_floating else values != ""
    rows = tf.where(known)
    indices = tf.concat([rows, tf.zeros_like(rows)], axis=1)
    shape = tf.stack([tf.shape(values, tf.int64)[0], 1])
    return tf.SparseTensor(indices, tf.gather_nd(values, rows), shape)
