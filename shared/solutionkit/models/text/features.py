"""TF-IDF of words and of n-grams of characters, learned from texts and worked out by TensorFlow ops.

As scikit-learn has it with `sublinear_tf` and a norm for each of the two blocks: (1 + log count) times
log((1 + texts) / (1 + texts with it)) + 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import sparse

from solutionkit.models.text.tokens import character_grams, word_grams, words_of

# An n-gram of one text alone says nothing, and may be somebody's name.
FEWEST_TEXTS = 2
MOST_GRAMS, MOST_WEIGHTS = 200_000, 40_000_000
TEXTS_AT_ONCE = 256
BLOCKS = (word_grams, character_grams)


@dataclass(frozen=True)
class Block:
    """The n-grams of one sort that are known.

    Attributes:
        prints: `(n-grams,)` ascending fingerprints.
        rarity: `(n-grams,)` what a count is multiplied by; one for plain counts.
        plain: Whether counts are taken as they are, without a norm.
    """

    prints: np.ndarray
    rarity: np.ndarray
    plain: bool = False

    def rows(self, grams: tf.RaggedTensor) -> tf.SparseTensor:
        """`(batch, n-grams)` weights of `(batch, n-grams of a text)` fingerprints."""
        known = tf.constant(self.prints, tf.int64)
        size = len(self.prints)
        flat, row = grams.flat_values, tf.cast(grams.value_rowids(), tf.int64)
        place = tf.minimum(tf.cast(tf.searchsorted(known, flat), tf.int64), size - 1)
        there = tf.gather(known, place) == flat
        cells = tf.boolean_mask(row * size + place, there)
        distinct, _, count = tf.unique_with_counts(tf.sort(cells))
        count = tf.cast(count, tf.float32)
        row, place = distinct // size, distinct % size
        batch = grams.nrows(tf.int64)
        if self.plain:
            weight = count
        else:
            weight = (1.0 + tf.math.log(count)) * tf.gather(tf.constant(self.rarity, tf.float32), place)
            square = tf.math.unsorted_segment_sum(weight**2, row, batch)
            weight *= tf.gather(tf.math.rsqrt(tf.maximum(square, 1e-30)), row)
        return tf.SparseTensor(tf.stack([row, place], axis=1), weight, tf.stack([batch, size]))


def learned_blocks(texts: np.ndarray, outputs: int, sorts: int = len(BLOCKS)) -> list[Block]:
    """What n-grams there are in `(rows,)` texts, the most frequent ones if there are too many.

    Args:
        texts: In UTF-8.
        outputs: A weight is learned for each n-gram and output.
        sorts: How many of `BLOCKS`.
    """
    found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in range(sorts)]
    distinct = tf.function(
        lambda some: _distinct(some, sorts),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    for piece in pieces(texts):
        for block, prints in enumerate(distinct(tf.constant(piece))):
            found[block].append(np.unique(prints.numpy(), return_counts=True))
            if len(found[block]) > 64:
                found[block] = [_merged(found[block])]
    blocks = []
    most = int(min(MOST_GRAMS, MOST_WEIGHTS // (2 * max(outputs, 1))))
    for parts in found:
        prints, counts = _merged(parts)
        kept = counts >= FEWEST_TEXTS
        prints, counts = prints[kept], counts[kept]
        if len(prints) > most:
            kept = np.sort(np.argsort(-counts, kind="stable")[:most])
            prints, counts = prints[kept], counts[kept]
        if not len(prints):
            # Something to look up in; no fingerprint is negative.
            prints, counts = np.array([-1]), np.array([0])
        rarity = np.log((1.0 + len(texts)) / (1.0 + counts)) + 1.0
        blocks.append(Block(prints.astype(np.int64), rarity.astype(np.float32)))
    return blocks


def matrix(texts: np.ndarray, blocks: list[Block]) -> list[sparse.csr_matrix]:
    """`(rows, n-grams)` of each block."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def encode(some: tf.Tensor) -> list[tf.SparseTensor]:
        return encoded(some, blocks)

    parts: list[list[sparse.csr_matrix]] = [[] for _ in blocks]
    for piece in pieces(texts):
        for place, rows in enumerate(encode(tf.constant(piece))):
            index = rows.indices.numpy()
            shape = tuple(rows.dense_shape.numpy())
            parts[place].append(sparse.csr_matrix((rows.values.numpy(), (index[:, 0], index[:, 1])), shape))
    return [sparse.vstack(part, "csr") for part in parts]


def encoded(texts: tf.Tensor, blocks: list[Block]) -> list[tf.SparseTensor]:
    """`(batch, n-grams)` of each block, of `(batch,)` texts."""
    words = words_of(texts)
    return [block.rows(grams(words)) for block, grams in zip(blocks, BLOCKS, strict=False)]


def pieces(texts: np.ndarray) -> Iterator[np.ndarray]:
    """`(rows,)` some at a time."""
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        yield texts[start : start + TEXTS_AT_ONCE]


def _distinct(texts: tf.Tensor, sorts: int) -> list[tf.Tensor]:
    """Of each block the fingerprints of all texts, one a text that has it."""
    words, found = words_of(texts), []
    for grams in BLOCKS[:sorts]:
        ragged = grams(words)
        prints, place = tf.unique(ragged.flat_values)
        size = tf.maximum(tf.size(prints, tf.int64), 1)
        cells = tf.cast(ragged.value_rowids(), tf.int64) * size + tf.cast(place, tf.int64)
        found.append(tf.gather(prints, tf.unique(cells)[0] % size))
    return found


def _merged(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    prints, place = np.unique(np.concatenate([item[0] for item in parts]), return_inverse=True)
    return prints, np.bincount(place, weights=np.concatenate([item[1] for item in parts])).astype(np.int64)


@dataclass(frozen=True)
class Linear:
    """A linear function of blocks of n-grams.

    Attributes:
        blocks: The n-grams.
        weights: `(n-grams, outputs)` of each block.
        bias: `(outputs,)`.
    """

    blocks: list[Block]
    weights: list[np.ndarray]
    bias: np.ndarray

    def raw(self, texts: tf.Tensor) -> tf.Tensor:
        """`(batch, outputs)` of `(batch,)` texts."""
        total = tf.constant(self.bias, tf.float32)[None, :]
        for rows, weights in zip(encoded(texts, self.blocks), self.weights, strict=True):
            total += tf.sparse.sparse_dense_matmul(rows, tf.constant(weights, tf.float32))
        return total

    @property
    def facts(self) -> dict[str, Any]:
        """Its size."""
        return {
            "n_grams": int(sum(len(block.prints) for block in self.blocks)),
            "parameters": int(sum(item.size for item in self.weights) + self.bias.size),
        }
