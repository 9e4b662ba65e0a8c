"""TabM: one MLP that behaves like an ensemble of k, with piecewise-linear numeric embeddings.

Y. Gorishniy, A. Kotelnikov, A. Babenko: "TabM: Advancing Tabular Deep Learning with
Parameter-Efficient Ensembling", ICLR 2025 (arXiv 2410.24210), sections 3.2 and 3.4;
the embeddings are of "On Embeddings for Numerical Features in Tabular Deep Learning",
NeurIPS 2022 (arXiv 2203.05556), section 3.2.

The network is two models, so that explanations can start at the embeddings:

    columns  (batch, columns)       --ColumnEmbedding-->  (batch, columns, fits * width)
    (batch, columns, fits * width)  --EnsembleHead---->   (batch, fits * members, outputs)  logits

Fits are networks side by side that share nothing: what a bag consists of, trained and scored in the same few
large products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops


@dataclass(frozen=True)
class TabMSize:
    """How large a TabM network is.

    Attributes:
        members: Ensemble members that share all weight matrices (k in the paper).
        blocks: Hidden layers.
        units: Width of a hidden layer.
        embedding: Width of a column's embedding.
        bins: Most intervals of a numeric column's piecewise-linear encoding.
        dropout: Share of hidden units dropped while training.
    """

    members: int = 16
    blocks: int = 2
    units: int = 128
    embedding: int = 12
    bins: int = 24
    dropout: float = 0.1


SIZES = {
    "small": TabMSize(members=8, blocks=2, units=64, embedding=8, bins=16),
    "medium": TabMSize(),
    "large": TabMSize(members=32, blocks=3, units=256, embedding=16, bins=48),
}


def quantile_edges(values: np.ndarray, bins: int) -> np.ndarray:
    """Distinct bin edges of one column, at its quantiles.

    Args:
        values: `(rows,)` floats; NaN is missing and ignored.
        bins: The most intervals wanted.

    Returns:
        `(edges,)` ascending floats, at least two, at most `bins + 1`.
    """
    known = values[~np.isnan(values)]
    if known.size == 0:
        return np.array([0.0, 1.0], np.float32)
    edges = np.unique(np.quantile(known, np.linspace(0.0, 1.0, bins + 1)).astype(np.float32))
    # Steps so small that their inverse is no number.
    edges = edges[np.diff(edges, prepend=-np.inf) > np.finfo(np.float32).tiny]
    return edges if edges.size > 1 else np.array([edges[0], edges[0] + 1.0], np.float32)


@keras.saving.register_keras_serializable("solutionkit")
class PiecewiseLinearEmbedding(keras.layers.Layer):
    """Numeric columns -> one embedding a column, piecewise linear in the value.

    A value's encoding has one entry per interval: 1 left of it, 0 right of it, the fraction
    within. A missing value (NaN) has an entry of its own.

    Args:
        edges: For each column its ascending bin edges (see `quantile_edges`).
        width: Width of an embedding.
    """

    def __init__(self, edges: list[list[float]], width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.edges = [list(map(float, column)) for column in edges]
        self.width = width
        most = max(len(column) for column in self.edges) - 1
        # Unused intervals of short columns have no scale: their encoding is always 0.
        self._left = np.zeros((len(self.edges), most), np.float32)
        self._scale = np.zeros((len(self.edges), most), np.float32)
        for row, column in enumerate(self.edges):
            steps = np.diff(np.asarray(column, np.float32))
            self._left[row, : steps.size] = column[:-1]
            self._scale[row, : steps.size] = 1.0 / steps

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        columns, bins = self._left.shape
        self.kernel = self.add_weight(
            shape=(columns, bins + 1, self.width),
            initializer=keras.initializers.RandomUniform(-(bins**-0.5), bins**-0.5),
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(columns, self.width), initializer=keras.initializers.RandomUniform(-0.5, 0.5), name="bias"
        )

    def call(self, inputs: Any) -> Any:
        missing = ops.isnan(inputs)
        values = ops.expand_dims(ops.where(missing, ops.zeros_like(inputs), inputs), -1)
        encoded = ops.clip((values - self._left) * self._scale, 0.0, 1.0)
        missing = ops.expand_dims(ops.cast(missing, encoded.dtype), -1)
        encoded = ops.concatenate([encoded * (1.0 - missing), missing], axis=-1)
        return ops.einsum("bfe,few->bfw", encoded, self.kernel) + self.bias

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "edges": self.edges, "width": self.width}


@keras.saving.register_keras_serializable("solutionkit")
class CategoryEmbedding(keras.layers.Layer):
    """Category ids of several columns -> one embedding a column, from one shared table.

    Args:
        cardinalities: For each column the number of its ids (0 .. cardinality - 1).
        width: Width of an embedding.
    """

    def __init__(self, cardinalities: list[int], width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cardinalities = [int(count) for count in cardinalities]
        self.width = width
        self._offsets = np.concatenate([[0], np.cumsum(self.cardinalities)[:-1]]).astype(np.int32)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.table = self.add_weight(
            shape=(sum(self.cardinalities), self.width),
            initializer=keras.initializers.RandomUniform(-0.5, 0.5),
            name="table",
        )
        # What training rows never hold (often "missing" and "unseen") must not add noise: it stays at zero.
        values = ops.convert_to_numpy(self.table).copy()
        values[np.concatenate([self._offsets, self._offsets + 1])] = 0.0
        self.table.assign(values)

    def call(self, inputs: Any) -> Any:
        return ops.take(self.table, ops.cast(inputs, "int32") + self._offsets, axis=0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cardinalities": self.cardinalities, "width": self.width}


@keras.saving.register_keras_serializable("solutionkit")
class EnsembleDense(keras.layers.Layer):
    """A dense layer that k members share but for their own input scale, output scale and bias.

    `y_i = ((x_i * r_i) W) * s_i + b_i` (BatchEnsemble, arXiv 2002.06715, section 3.1), from
    `(b, fits, 1 or k, d)` to `(b, fits, k, units)`; fits share nothing. TabM draws the scales of the first
    layer as random signs, which sets the members apart, and starts all others at one (section 3.3 of the
    TabM paper).
    """

    def __init__(self, units: int, members: int, fits: int = 1, first: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.members, self.fits, self.first = units, members, fits, first
        # Made here, so that it is seeded by the global seed and not by the order of building.
        self._signs = RandomSigns() if first else "ones"

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width = input_shape[-1]
        assert width is not None
        bound = width**-0.5
        uniform = keras.initializers.RandomUniform(-bound, bound)
        each = (self.fits, self.members)
        self.scale_in = self.add_weight(shape=(*each, width), initializer=self._signs, name="scale_in")
        self.kernel = self.add_weight(
            shape=(self.fits, width, self.units), initializer=uniform, name="kernel"
        )
        self.scale_out = self.add_weight(shape=(*each, self.units), initializer="ones", name="scale_out")
        self.bias = self.add_weight(shape=(*each, self.units), initializer=uniform, name="bias")

    def call(self, inputs: Any) -> Any:
        mixed = ops.einsum("bfmd,fdu->bfmu", inputs * self.scale_in, self.kernel)
        return mixed * self.scale_out + self.bias

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "members": self.members, "fits": self.fits, "first": self.first}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("solutionkit")
class RandomSigns(keras.initializers.Initializer):
    """Draws -1 or 1 with equal chance."""

    def __init__(self) -> None:
        self._uniform = keras.initializers.RandomUniform(-1.0, 1.0)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return ops.where(self._uniform(shape, dtype=dtype) < 0.0, -1.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {}


@keras.saving.register_keras_serializable("solutionkit")
class MemberOutputs(keras.layers.Layer):
    """One linear output layer for each ensemble member: `(b, fits, members, d) -> (…, outputs)`."""

    def __init__(self, outputs: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outputs = outputs

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        fits, members, width = input_shape[1:]
        assert fits is not None and members is not None and width is not None
        uniform = keras.initializers.RandomUniform(-(width**-0.5), width**-0.5)
        self.kernel = self.add_weight(
            shape=(fits, members, width, self.outputs), initializer=uniform, name="kernel"
        )
        self.bias = self.add_weight(shape=(fits, members, self.outputs), initializer=uniform, name="bias")

    def call(self, inputs: Any) -> Any:
        return ops.einsum("bfmd,fmdo->bfmo", inputs, self.kernel) + self.bias

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "outputs": self.outputs}


def build_embedding(
    edges: list[list[float]],
    cardinalities: list[int],
    size: TabMSize,
    encoders: Sequence[keras.Model] = (),
    fits: int = 1,
) -> keras.Model:
    """The model of the columns' embeddings, `(b, columns, fits * width)`.

    It reads `numeric` `(b, n)`, `categorical` `(b, c)` and `sequence` `(b, steps, channels)`; a sequence
    becomes several columns. Inputs of which there are no columns are left out.

    Args:
        edges: For each numeric column its ascending bin edges.
        cardinalities: For each categorical column the number of its ids.
        size: Widths.
        encoders: Each fit's, which makes the vectors of a sequence, where rows have one (`sequence_encoder`).
        fits: Networks side by side; their embeddings share nothing.
    """
    inputs: dict[str, Any] = {}
    parts, width = [], fits * size.embedding
    if edges:
        inputs["numeric"] = keras.Input((len(edges),), name="numeric", dtype="float32")
        parts.append(PiecewiseLinearEmbedding(edges, width, name="numeric_embedding")(inputs["numeric"]))
    if cardinalities:
        inputs["categorical"] = keras.Input((len(cardinalities),), name="categorical", dtype="int64")
        parts.append(
            CategoryEmbedding(cardinalities, width, name="category_embedding")(inputs["categorical"])
        )
    if encoders:
        inputs["sequence"] = keras.Input(encoders[0].input_shape[1:], name="sequence", dtype="float32")
        encoded = [encoder(inputs["sequence"]) for encoder in encoders]
        parts.append(keras.layers.Concatenate(axis=2)(encoded) if fits > 1 else encoded[0])
    joined = keras.layers.Concatenate(axis=1)(parts) if len(parts) > 1 else parts[0]
    return keras.Model(inputs, joined, name="column_embedding")


def build_head(columns: int, outputs: int, size: TabMSize, fits: int = 1) -> keras.Model:
    """The model `(b, columns, fits * width) -> (b, fits * members, outputs)` logits, fit by fit.

    Args:
        columns: Embedded columns.
        outputs: Logits a row.
        size: Widths and depth.
        fits: Networks side by side.
    """
    embedded = keras.Input((columns, fits * size.embedding), name="embedded")
    hidden = keras.layers.ReLU()(embedded)
    hidden = keras.layers.Reshape((columns, fits, size.embedding))(hidden)
    hidden = keras.layers.Permute((2, 1, 3))(hidden)
    hidden = keras.layers.Reshape((fits, 1, columns * size.embedding))(hidden)
    for block in range(size.blocks):
        layer = EnsembleDense(size.units, size.members, fits, first=block == 0, name=f"block_{block}")
        hidden = keras.layers.Dropout(size.dropout)(keras.layers.ReLU()(layer(hidden)))
    logits = MemberOutputs(outputs, name="member_outputs")(hidden)
    return keras.Model(
        embedded, keras.layers.Reshape((fits * size.members, outputs))(logits), name="ensemble_head"
    )
