"""Words and TF-IDF in the graph are those of scikit-learn, on strings of any script."""

import unicodedata
from itertools import pairwise

import numpy as np
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfVectorizer

from solutionkit.models.text.features import encoded, learned_blocks, matrix
from solutionkit.models.text.tokens import LONGEST_WORD, MOST_WORDS, words_of

RANGES = ((32, 127), (0xA0, 0x250), (0x370, 0x600), (0x900, 0x980), (0x4E00, 0x9FFF), (0x1F300, 0x1F9FF))


def texts(count: int, seed: int) -> list[str]:
    """Strings of six scripts, with spaces."""
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(count):
        letters = [
            " " if random.random() < 0.2 else chr(random.integers(*RANGES[random.integers(len(RANGES))]))
            for _ in range(random.integers(0, 30))
        ]
        drawn.append("".join(letters))
    return drawn


def words(text: str) -> list[str]:
    """As the graph cuts, in plain Python."""
    found, word = [], ""
    for letter in text.lower():
        kind = unicodedata.category(letter)[0]
        if (kind in "LMN" or letter == "_") and not "\u4e00" <= letter <= "\u9fff":
            word += letter
            continue
        found += [word] if word else []
        found += [] if letter.isspace() or kind == "Z" else [letter]
        word = ""
    return [*found, word] if word else found


def test_words_are_cut_as_unicode_has_them() -> None:
    some = texts(2000, 1)
    cut = [[word.decode() for word in row] for row in words_of(tf.constant(some)).to_list()]
    assert cut == [words(text) for text in some]
    assert [word.decode() for word in words_of(tf.constant(["Don't PANIC: 漢字 ΣΑΣ"])).to_list()[0]] == [
        "don", "'", "t", "panic", ":", "漢", "字", "σας",
    ]  # fmt: skip


def test_long_texts_and_words_are_cut() -> None:
    found = words_of(tf.constant(["x " * (2 * MOST_WORDS), "y" * 1000])).to_list()
    assert [len(row) for row in found] == [MOST_WORDS, 1]
    assert len(found[1][0]) == LONGEST_WORD


def test_tf_idf_is_that_of_scikit_learn() -> None:
    known, new = texts(3000, 2), texts(10_000, 3)
    blocks = learned_blocks(np.array([text.encode() for text in known], object), 5)
    rows = [np.array([text.encode() for text in new], object)]
    ours = matrix(rows[0], blocks)
    vectorizers = [
        TfidfVectorizer(analyzer=word_grams, min_df=2, sublinear_tf=True),
        TfidfVectorizer(
            preprocessor=lambda text: " ".join(words(text)),
            analyzer="char_wb",
            ngram_range=(2, 5),
            min_df=2,
            sublinear_tf=True,
        ),
    ]
    for found, vectorizer in zip(ours, vectorizers, strict=True):
        vectorizer.fit(known)
        wanted = vectorizer.transform(new)
        assert found.shape == wanted.shape
        # The order of columns is another: what two texts have in common must be the same.
        pairs = np.random.default_rng(4).integers(0, len(new), (20_000, 2)).T
        for first, second in (pairs, (np.arange(len(new)), np.arange(len(new)))):
            mine = found[first].multiply(found[second]).sum(axis=1)
            theirs = wanted[first].multiply(wanted[second]).sum(axis=1)
            assert np.abs(mine - theirs).max() < 1e-6
        assert (
            np.abs(np.sort(found.max(axis=0).toarray()) - np.sort(wanted.max(axis=0).toarray())).max() < 1e-6
        )


def word_grams(text: str) -> list[str]:
    """Single words and pairs."""
    found = words(text)
    return [*found, *(f"{first} {second}" for first, second in pairwise(found))]


def test_texts_in_which_nothing_occurs_twice_can_be_encoded() -> None:
    blocks = learned_blocks(np.array([b"one", b"two"], object), 2)
    for rows in encoded(tf.constant(["one", ""]), blocks):
        assert rows.values.shape == (0,)
