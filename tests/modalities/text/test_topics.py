"""Topics that come up after training are named; what only varies is not."""

import numpy as np
import pyarrow as pa

from solutionkit.modalities.text.topics import new_topics, topic_notes

OLD = ["invoice", "payment", "parcel", "courier", "password", "login", "refund", "exchange"]


def texts(random: np.random.Generator, count: int, *further: str, share: float = 0.0) -> list[str]:
    said = [" ".join(random.choice(OLD, 5)) for _ in range(count)]
    return [f"{text} {' '.join(further)}" if random.random() < share else text for text in said]


def test_words_of_a_new_topic_are_told_together() -> None:
    random = np.random.default_rng(1)
    before = texts(random, 800, "outage", share=0.01)
    after = texts(random, 300, "outage", "datacentre", share=0.12) + texts(random, 100, "voucher", share=0.3)
    found = new_topics(before, after)
    assert [sorted(words) for words, _, _ in found] == [["datacentre", "outage"], ["voucher"]]
    assert 0.05 < found[0][1] < 0.13
    assert found[0][2] < 0.02


def test_nothing_is_new_where_nothing_is() -> None:
    random = np.random.default_rng(2)
    for _ in range(20):
        assert new_topics(texts(random, 500), texts(random, 300)) == []
    assert new_topics([], []) == []
    assert new_topics(["a"] * 5, ["b"] * 5) == []


def test_a_note_names_them() -> None:
    random = np.random.default_rng(3)
    body = texts(random, 300) + texts(random, 200, "voucher", share=0.3)
    splits = np.array(["train"] * 250 + ["validation"] * 50 + ["eval"] * 200)
    (note,) = topic_notes(pa.table({"body": body}), ["body"], splits, 1)
    assert "hardly know: voucher (" in note
    assert topic_notes(pa.table({"body": body[:300]}), ["body"], splits[:300], 1) == []
