"""Texts -> words and n-grams of characters, as TensorFlow ops: training and serving cut them alike.

N-grams are known by fingerprints of 62 bits, so that no vocabulary of words travels with a model; of a
hundred million n-grams, two share one in one case of a thousand. The n-grams are those that scikit-learn's
`CountVectorizer` makes of words ("char_wb" for characters; F. Pedregosa et al., JMLR 12, 2011).
"""

from __future__ import annotations

import tensorflow as tf

# Words of a text that are read; what follows is cut off. Longer words are cut, too.
MOST_WORDS, LONGEST_WORD = 600, 40
WORDS, CHARACTERS = (1, 2), (2, 3, 4, 5)
FINGERPRINTS = 2**62
# A run of letters, marks and digits is a word; any other character that is no space is one by itself, as is
# one of a script without spaces.
APART = r"[^\p{L}\p{M}\p{N}_\s]|[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"


def words_of(texts: tf.Tensor) -> tf.RaggedTensor:
    """`(batch, words)` lower-case words of `(batch,)` texts in valid UTF-8."""
    small = tf.strings.lower(texts, encoding="utf-8")
    apart = tf.strings.regex_replace(small, f"({APART})", r" \1 ")
    # As Unicode knows spaces, which TensorFlow's own splitting does not.
    spaced = tf.strings.regex_replace(apart, r"[\s\p{Z}\x{85}]+", " ")
    words = tf.strings.split(tf.strings.strip(spaced), " ")
    words = tf.ragged.boolean_mask(words, words != "")[:, :MOST_WORDS]
    return tf.strings.substr(words, 0, LONGEST_WORD, unit="UTF8_CHAR")


def word_grams(words: tf.RaggedTensor) -> tf.RaggedTensor:
    """`(batch, n-grams)` fingerprints of single words and of pairs."""
    grams = tf.strings.ngrams(words, list(WORDS), separator=" ")
    return tf.ragged.map_flat_values(tf.strings.to_hash_bucket_fast, grams, FINGERPRINTS)


def character_grams(words: tf.RaggedTensor) -> tf.RaggedTensor:
    """`(batch, n-grams)` fingerprints of two to five characters within words, with a space at either end."""
    flat = tf.strings.join([" ", words.flat_values, " "])
    # Each word is taken apart once, however often it stands in the batch.
    distinct, place = tf.unique(flat)
    letters = tf.strings.unicode_split(distinct, "UTF-8")
    grams = tf.strings.ngrams(letters, list(CHARACTERS), separator="")
    prints = tf.ragged.map_flat_values(tf.strings.to_hash_bucket_fast, grams, FINGERPRINTS)
    of_words = tf.gather(prints, place)
    return tf.RaggedTensor.from_row_splits(
        of_words.flat_values, tf.gather(of_words.row_splits, words.row_splits)
    )
