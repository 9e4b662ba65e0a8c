"""The deep model of texts: a convolutional network over words that are sums of their n-grams' embeddings.

Y. Kim, "Convolutional neural networks for sentence classification", EMNLP 2014; words as sums of hashed
n-grams by P. Bojanowski et al., "Enriching word vectors with subword information", TACL 5 (2017), so that
typing errors and unseen forms are near what they mean. While it learns, whole words are left out at random.
Several fits, each held out from another fold, answer together. With `training.encoder` a pre-trained encoder
reads instead (`encoder`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.declaration import Training
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import TEXT
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.folds import among_all, drawn, fold_codes, parted
from solutionkit.models.heads import Head
from solutionkit.models.tempering import best_temperature
from solutionkit.models.text.explaining import EXPLAINER, save_nothing
from solutionkit.models.text.features import TEXTS_AT_ONCE, pieces
from solutionkit.models.text.tokens import words_of
from solutionkit.models.trained import TrainedModel
from solutionkit.progress import Progress

# Words of a text that are read, and n-grams of a word.
MOST_WORDS, MOST_PARTS = 300, 24
CHARACTERS = (3, 4, 5)
BUCKETS, WIDTH, FILTERS, REACHES = 2**15, 128, 192, (1, 2, 3)
LEFT_OUT, SPATIAL, DROPOUT = 0.2, 0.2, 0.5
BATCH, RATE, DECAY, WARM = 64, 1e-3, 1e-2, 0.1
EPOCHS, QUICK_STEPS, FEWEST_STEPS, MOST_STEPS = 16, 600, 1200, 6000
# Fits of which the bag consists at most, and texts times fits.
MOST_FITS, MOST_TEXTS = 3, 60_000
# Texts of which the rest are drawn from no more, and words that are taken apart at once.
MOST_READ, WORDS_AT_ONCE = 100_000, 8192


@dataclass(frozen=True)
class Read:
    """Texts as numbers of distinct words.

    Attributes:
        parts: `(distinct words, parts)` buckets of each word's n-grams, 0 for none; the first word is none.
        places: `(texts, words)` which word stands where, 0 behind a text's end.
    """

    parts: np.ndarray
    places: np.ndarray


class Reader(keras.Model):
    """The network.

    Args:
        outputs: Raw values a text.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        start = keras.initializers.RandomNormal(stddev=0.1)
        self.embedding = keras.layers.Embedding(BUCKETS, WIDTH, embeddings_initializer=start)
        self.convolutions = [
            keras.layers.Conv1D(FILTERS, reach, padding="same", activation="relu") for reach in REACHES
        ]
        self.spatial = keras.layers.SpatialDropout1D(SPATIAL)
        self.dropout = keras.layers.Dropout(DROPOUT)
        self.last = keras.layers.Dense(outputs)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor], training: bool = False) -> tf.Tensor:
        """`(batch, outputs)` raw values.

        Args:
            inputs: `(distinct words, parts)` buckets and `(batch, words)` places, see `Read`.
            training: Whether words are left out.
        """
        parts, places = inputs
        known = tf.cast(parts > 0, tf.float32)
        count = tf.maximum(tf.reduce_sum(known, axis=1, keepdims=True), 1.0)
        vectors = tf.reduce_sum(self.embedding(parts) * known[:, :, None], axis=1) / tf.sqrt(count)
        there = tf.cast(places > 0, tf.float32)
        kept = there
        if training:
            kept *= tf.cast(tf.random.uniform(tf.shape(places)) >= LEFT_OUT, tf.float32)
        rows = tf.gather(vectors, places) * kept[:, :, None]
        rows = self.spatial(rows, training=training)
        # What lies behind a text's end is no part of it, however long the batch's longest text is.
        inside = there[:, :, None]
        found = [tf.reduce_max(layer(rows) * inside, axis=1) for layer in self.convolutions]
        return self.last(self.dropout(tf.concat(found, axis=1), training=training))


def numbered(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`Read` of `(batch,)` texts, as TensorFlow ops."""
    words = words_of(texts)[:, :MOST_WORDS]
    distinct, place = tf.unique(words.flat_values)
    places = words.with_flat_values(place + 1).to_tensor(0)
    # At least as wide as the longest reach, or a batch of empty texts could not be read.
    short = tf.maximum(max(REACHES) - tf.shape(places)[1], 0)
    places = tf.pad(places, [[0, 0], [0, short]])
    return tf.concat([tf.zeros([1, MOST_PARTS], tf.int32), parts_of(distinct)], axis=0), places


def parts_of(words: tf.Tensor) -> tf.Tensor:
    """`(words, parts)` buckets of `(words,)`: the word itself and its n-grams, 0 for none."""
    spaced = tf.strings.join([" ", words, " "])
    grams = tf.strings.ngrams(tf.strings.unicode_split(spaced, "UTF-8"), list(CHARACTERS), separator="")
    grams = tf.concat([tf.strings.join(["w", words])[:, None], grams], axis=1)
    buckets = tf.ragged.map_flat_values(tf.strings.to_hash_bucket_fast, grams, BUCKETS - 1)
    return tf.cast(buckets.to_tensor(-1, shape=[None, MOST_PARTS]) + 1, tf.int32)


def read(texts: np.ndarray) -> Read:
    """All texts of a split at once.

    Args:
        texts: `(rows,)` in UTF-8.
    """
    step = tf.function(
        lambda some: words_of(some)[:, :MOST_WORDS],
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    found = [step(tf.constant(piece)) for piece in pieces(texts)]
    lengths = np.concatenate([words.row_lengths().numpy() for words in found])
    flat = [pa.array(words.flat_values.numpy().tolist(), pa.binary()) for words in found]
    encoded = pa.chunked_array(flat, pa.binary()).combine_chunks().dictionary_encode()
    places = np.zeros((len(texts), max(int(lengths.max(initial=0)), 1)), np.int32)
    row = np.repeat(np.arange(len(texts)), lengths)
    within = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places[row, within] = np.asarray(encoded.indices) + 1
    cut = tf.function(parts_of, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    every = np.array(encoded.dictionary.to_pylist(), object)
    parts = [np.zeros((1, MOST_PARTS), np.int32)]
    parts += [
        cut(tf.constant(every[start : start + WORDS_AT_ONCE])).numpy()
        for start in range(0, len(every), WORDS_AT_ONCE)
    ]
    return Read(np.concatenate(parts), places)


def train(
    train: TransformedSplit, validation: TransformedSplit, spec: TableSpec, training: Training
) -> TrainedModel:
    """Train the deep model of texts.

    Args:
        train: Texts to fit.
        validation: Texts that choose the temperature; other fits learn from them.
        spec: What the columns are.
        training: Seed, preset and epochs.
    """
    if training.encoder:
        from solutionkit.models.text import encoder

        return encoder.train(train, validation, spec, training)
    head = spec.task.head(train.label)
    chosen = drawn(len(train), MOST_READ, training.seed)
    rows = train.take(chosen).joined(validation)
    known = read(rows.inputs[TEXT])
    folds = fold_codes(rows, training, training.leisure * MOST_TEXTS)
    fits = min(int(folds.max()) + 1, MOST_FITS)
    steps = step_count(len(rows), training)
    progress = Progress(fits * steps)
    readers, raw = [], np.full((len(rows), head.outputs), np.nan, np.float32)
    for fit in range(fits):
        keras.utils.set_random_seed(training.seed + fit)
        reader = Reader(head.outputs)
        away = folds == fit
        learn(reader, known, rows.label, np.flatnonzero(~away), head, steps, training.seed + fit, progress)
        raw[away] = answered(reader, known, np.flatnonzero(away))
        readers.append(reader)
    told = ~np.isnan(raw).any(axis=1)
    temperature = np.float32(best_temperature(head, rows.label[told], raw[told][:, None, :]))

    def score(columns: dict[str, tf.Tensor]) -> tf.Tensor:
        inputs = numbered(columns[TEXT])
        answers = [head.answers(reader(inputs, training=False) / temperature) for reader in readers]
        return tf.add_n(answers) / float(len(answers))

    held_out = np.full(raw.shape, np.nan)
    held_out[told] = np.asarray(head.answers(raw[told] / temperature))
    train_scores, scores = parted(held_out, len(chosen))
    facts: dict[str, Any] = {
        "algorithm": "a convolutional network over words of hashed n-grams",
        "parameters": int(sum(reader.count_params() for reader in readers)),
        "rows": len(rows),
        "steps": steps,
        "temperature": round(float(temperature), 3),
        **({"fits": fits} if fits > 1 else {}),
    }
    return TrainedModel(
        score,
        scores,
        save_nothing,
        EXPLAINER,
        facts,
        trackables=readers,
        train_scores=among_all(train_scores, chosen, len(train)),
    )


def step_count(rows: int, training: Training) -> int:
    """How many batches are learned from: as declared, else by the number of rows."""
    epochs = training.epochs or EPOCHS
    steps = epochs * rows // BATCH
    if training.epochs:
        return steps
    fewest = FEWEST_STEPS if training.by_folds else QUICK_STEPS
    return int(np.clip(steps, fewest, MOST_STEPS * training.leisure))


def learn(
    reader: Reader,
    known: Read,
    labels: np.ndarray,
    rows: np.ndarray,
    head: Head,
    steps: int,
    seed: int,
    progress: Progress,
) -> None:
    """Fit a network.

    Args:
        reader: The network.
        known: All texts.
        labels: `(texts,)` class ids.
        rows: Which texts are learned from.
        head: What is penalised.
        steps: Batches.
        seed: Of their order.
        progress: Told of each.
    """
    warm = max(int(WARM * steps), 1)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warm, 1), warmup_target=RATE, warmup_steps=warm
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=DECAY)
    random = np.random.default_rng(seed)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, MOST_PARTS], tf.int32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.float32),
        ],
        autograph=False,
    )
    def step(parts: tf.Tensor, places: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            raw = reader((parts, places), training=True)
            loss = tf.reduce_mean(head.losses(target, raw[:, None, :]))
        variables = reader.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    reader((tf.constant(known.parts[:1]), tf.zeros([1, max(REACHES)], tf.int32)))
    optimizer.build(reader.trainable_variables)
    order = np.zeros(0, np.int64)
    for _ in range(steps):
        while len(order) < min(BATCH, len(rows)):
            order = np.concatenate([order, random.permutation(rows)])
        some, order = order[:BATCH], order[BATCH:]
        parts, places = batch_of(known, some)
        step(tf.constant(parts), tf.constant(places), tf.constant(labels[some].astype(np.float32)))
        progress.step()


def batch_of(known: Read, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct words and places of some texts, no wider than they are."""
    places = known.places[rows]
    longest = max(int((places > 0).sum(axis=1).max(initial=0)), max(REACHES))
    places = places[:, :longest]
    if places.shape[1] < longest:
        places = np.pad(places, ((0, 0), (0, longest - places.shape[1])))
    # The first is no word, in the batch as in all.
    words, place = np.unique(np.append(places.reshape(-1), 0), return_inverse=True)
    return known.parts[words], place[:-1].reshape(places.shape).astype(np.int32)


def answered(reader: Reader, known: Read, rows: np.ndarray) -> np.ndarray:
    """`(rows, outputs)` raw values of some texts."""
    found = []
    for start in range(0, len(rows), TEXTS_AT_ONCE):
        parts, places = batch_of(known, rows[start : start + TEXTS_AT_ONCE])
        found.append(reader((tf.constant(parts), tf.constant(places)), training=False).numpy())
    return np.concatenate(found)
