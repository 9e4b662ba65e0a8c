"""Mails that were edited a little are near copies; what fills in the same form is not."""

from itertools import product

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from solutionkit.modalities.text import alike
from solutionkit.modalities.text.near_copies import FORM_TEXTS, near_copies, without_forms

WORDS = ["".join(letters) for letters in product("bdfgk", "aeiou", "lmnr", "ost")]


def text(random: np.random.Generator, words: int) -> str:
    return " ".join(random.choice(WORDS, words))


def test_edited_texts_are_near_copies_and_others_are_not() -> None:
    random = np.random.default_rng(1)
    texts = [text(random, 60) for _ in range(200)]
    edited = [f"again: {first} thank you" for first in texts[:40]]
    codes, forms = near_copies(pl.Series([*texts, *edited]))
    assert forms == 0
    # What is known of texts are sketches, so that one may be missed.
    assert (codes[200:] == codes[:40]).mean() > 0.9
    assert len(np.unique(codes[:200])) == 200


def test_a_form_that_many_fill_in_makes_no_copies() -> None:
    random = np.random.default_rng(2)
    form = [text(random, 30) for _ in range(5)]
    texts = ["\n".join([*form, text(random, 8)]) for _ in range(FORM_TEXTS + 10)]
    assert len(np.unique(near_copies(pl.Series(texts))[0])) == len(texts)
    assert without_forms(pl.Series(texts))[0] == texts[0].split("\n")[-1]
    # A few of them might as well be one mail that was sent again; without lines many fill in a form.
    assert len(np.unique(near_copies(pl.Series(texts[:5]))[0])) == 1
    codes, forms = near_copies(pl.Series([line.replace("\n", " ") for line in texts]))
    assert len(np.unique(codes)) == len(texts)
    assert forms > 25


def test_short_texts_are_never_near_copies() -> None:
    assert near_copies(pl.Series(["a b c", "a b c d", "", ""]))[0].tolist() == [0, 1, 2, 3]
    assert near_copies(pl.Series([], dtype=pl.String))[0].tolist() == []


def test_both_sorts_of_copies_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    texts = [text(random, 40) for _ in range(30)]
    table = pa.table({"body": [*texts, texts[0].upper(), f"{texts[1]} again"]})
    codes, notes = alike.alike_texts(table, ["body"])
    assert codes is not None
    assert codes[30:] == codes[:2]
    assert len(set(codes)) == 30
    assert notes[0].startswith("2 rows have the text")
    assert notes[1].startswith("2 more are nearly")
    monkeypatch.setattr(alike, "MOST_TEXTS", 5)
    codes, notes = alike.alike_texts(table, ["body"])
    assert codes is not None
    assert len(set(codes)) == 31
    assert "not looked for" in notes[1]
