"""Tags, signatures and forms that tell a class are found; words that people choose are not accused."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from solutionkit.modalities.text.discreet import without_names
from solutionkit.modalities.text.giveaways import giveaway_notes, lines_of
from support_tickets import sample_data

NAMES = ("billing", "delivery", "technical")
KEYS = ("invoice", "parcel", "crash")
WORDS = [f"{first}{second}n" for first in "abcdefgh" for second in "aeiou"]


def texts(random: np.random.Generator, rows: int = 600) -> tuple[list[str], np.ndarray]:
    labels = np.arange(rows) % 3
    said = [f"{KEYS[label]} about {random.integers(99)} {WORDS[random.integers(40)]}" for label in labels]
    # A third speak of it in other words.
    return ["something else" if random.random() < 0.3 else text for text in said], labels


def notes(told: list[str], labels: np.ndarray) -> list[str]:
    return giveaway_notes(pa.table({"body": told}), ["body"], labels, NAMES, 1)


def test_what_people_write_is_not_accused() -> None:
    assert notes(*texts(np.random.default_rng(1))) == []
    table = sample_data.generate(2000, 4)
    names, labels = np.unique(table["queue"].to_pylist(), return_inverse=True)
    assert giveaway_notes(table, ["subject", "body"], labels, names.tolist(), 1) == []


@pytest.mark.parametrize(
    ("planted", "share", "found"),
    [
        ("[BIL-{number}] {text}", 1.0, "the words 'bil' stand in 100% of 'billing'|'bil 0'"),
        ("{text}\nyour billing team", 0.3, "the line 'your billing team' stands in"),
        ("{text}\n## a form for billing {number}", 0.5, "the line '## a form for billing 0' stands in"),
        # Who signed is nobody's business.
        ("{text}\nAnna Kovacs, accounts receivable", 0.5, "the line '… …, accounts receivable' stands in"),
    ],
)
def test_what_a_machine_wrote_is_named(planted: str, share: float, found: str) -> None:
    random = np.random.default_rng(2)
    said, labels = texts(random)
    said = [
        planted.format(text=text, number=random.integers(999))
        if not label and random.random() < share
        else text
        for text, label in zip(said, labels, strict=True)
    ]
    (note,) = notes(said, labels)
    assert any(part in note for part in found.split("|"))
    assert "delivery" not in note


def test_a_class_that_is_nearly_everything_is_told_by_anything() -> None:
    labels = np.array([0] * 100 + [1] * 5)
    assert giveaway_notes(pa.table({"t": ["same words here"] * 105}), ["t"], labels, ["a", "b"], 1) == []
    assert giveaway_notes(pa.table({"t": [""] * 105}), ["t"], labels, ["a", "b"], 1) == []


def test_what_is_all_of_a_text_is_no_line_of_it() -> None:
    # An empty subject stands before it.
    assert lines_of(pl.Series(["\nit was sold out at once"] * 50))[1] == []
    assert lines_of(pl.Series([f"it {n}\nyour billing team" for n in range(50)]))[1] == ["your billing team"]


def test_words_written_like_names_are_left_out() -> None:
    texts = ["anna kovacs and Anna Kovacs", "ask Anna Kovacs about [BIL]", "The invoice", "an invoice"]
    assert without_names("anna kovacs, bil, the invoice", texts) == "… …, bil, … invoice"
    assert without_names("nowhere 0", texts) == "nowhere 0"
