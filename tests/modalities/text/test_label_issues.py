"""Wrong labels of the sample are found, and few right ones are suspected."""

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.modalities.text.label_issues import personal_notes, suspicious
from support_tickets import sample_data


def test_labels_that_were_chosen_wrongly_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    table = sample_data.generate(1500, 3)
    monkeypatch.setattr(sample_data, "WRONG", 0.0)
    true = sample_data.generate(1500, 3)["queue"].to_pylist()
    given = table["queue"].to_pylist()
    wrong = np.array([first != second for first, second in zip(given, true, strict=True)])
    assert 20 < wrong.sum() < 70
    labels = np.unique(given, return_inverse=True)[1]
    found, read_like = suspicious(table, ["subject", "body"], labels, 1)
    assert wrong[found].mean() > 0.7
    assert wrong[found].sum() > 0.5 * wrong.sum()
    # The clearest first, and what they should have been.
    assert wrong[found[:10]].mean() >= 0.9
    names = np.unique(given)
    assert np.mean(names[read_like] == np.array(true)[found]) > 0.7


def test_addresses_beside_the_texts_are_told() -> None:
    table = pa.table({"id": ["x@y.example"], "tier": ["free"]})
    notes = personal_notes(table, ["id", "tier", "gone", None])
    assert notes == ["'id' holds addresses of mail and is stored as it is: only texts are masked"]


@pytest.mark.parametrize("texts", [["one"] * 3, ["a", "b", "c", "d", "e", "f"], [""] * 6])
def test_where_nothing_can_be_told_nothing_is_suspected(texts: list[str]) -> None:
    table = pa.table({"text": texts})
    assert not len(suspicious(table, ["text"], np.arange(len(texts)) % 2, 1)[0])
