"""Columns of which each cell is a sequence of steps, each of some channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from solutionkit.cells import sequence_shape, sequence_values
from solutionkit.errors import Problem
from solutionkit.kinds.base import Feature, Kind

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow_metadata.proto.v0 import schema_pb2


class Sequence(Kind):
    """Steps and channels of a fixed number; the first channel says whether a step is there."""

    name = "sequence"
    nested = True

    def claims(self, values: pa.ChunkedArray) -> bool:
        """Whether cells are lists of lists of a fixed size."""
        return sequence_shape(values.type) is not None

    def infer(self, name: str, values: pa.ChunkedArray, declared: bool) -> Feature | str:
        """The feature; every row must have one."""
        del declared
        shape = sequence_shape(values.type)
        assert shape is not None
        return Feature(name, self.name, min_fraction=1.0, shape=shape)

    def cast(self, values: pa.ChunkedArray, feature: Feature) -> tuple[pa.ChunkedArray, list[Problem]]:
        """Sequences are computed, and stay what they are."""
        del feature
        return values, []

    def write_schema(self, feature: Feature, item: schema_pb2.Feature) -> None:
        """Floats of a fixed shape."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        item.type = schema_pb2.FLOAT
        item.presence.min_count = 1
        for size in feature.shape:
            item.shape.dim.add(size=size)

    def read_schema(self, item: schema_pb2.Feature, domain: tuple[str, ...]) -> Feature | None:
        """Whatever has a shape of two dimensions."""
        del domain
        if len(item.shape.dim) != 2:
            return None
        return Feature(item.name, self.name, shape=tuple(int(dimension.size) for dimension in item.shape.dim))

    def parsing(self, feature: Feature) -> Any:
        """A whole sequence."""
        return self.parsing_dense(feature)

    def parsing_dense(self, feature: Feature) -> tf.io.FixedLenFeature:
        """A whole sequence."""
        import tensorflow as tf

        return tf.io.FixedLenFeature(feature.shape, tf.float32)

    def tensor(self, feature: Feature, name: str) -> tf.TensorSpec:
        """`(batch, steps, channels)` float32."""
        import tensorflow as tf

        return tf.TensorSpec([None, *feature.shape], tf.float32, name)

    def array(self, values: pa.ChunkedArray) -> np.ndarray:
        """`(rows, steps, channels)` float32."""
        return sequence_values(values)

    def readable(self, values: np.ndarray) -> np.ndarray:
        """How many steps are there."""
        count: np.ndarray = values[:, :, 0].sum(axis=1).astype(np.float32)
        return count
