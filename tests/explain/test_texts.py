"""What words add to an answer, against a model of which that is known."""

import numpy as np
import pytest

from solutionkit.explain.texts import (
    MOST_PLAYERS,
    Players,
    agreement,
    faithful,
    shapley,
    telling_words,
    top_words,
)

WORTH = {"good": 3.0, "great": 2.0, "bad": -4.0}


def margins(texts: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Words add up, and two of them together are worth one more."""
    found = np.array([sum((WORTH.get(word, 0.0) for word in text.split()), 0.0) for text in texts])
    found += [float({"good", "great"} <= set(text.split())) for text in texts]
    return np.where(targets == 1, found, -found)


def test_words_get_what_they_add_and_share_what_they_add_together() -> None:
    players = Players.of("a good and great but bad day")
    found = shapley(margins, players, 1)
    values = dict(zip(players.parts, found.values[0], strict=True))
    assert values["bad"] == pytest.approx(-4.0)
    assert values["good"] == pytest.approx(3.5)
    assert values["great"] == pytest.approx(2.5)
    assert [values[word] for word in ("a", "and", "but", "day")] == [0.0] * 4
    assert found.residual == pytest.approx(0.0)
    assert top_words(players, found.values[0], 2) == ["good", "great"]
    assert shapley(margins, players, 0).values[0] == pytest.approx(-found.values[0])


def test_an_empty_text_has_no_words() -> None:
    found = shapley(margins, Players.of(""), 1)
    assert found.values.shape == (1, 0)
    assert found.base == found.output == [0.0]


def test_long_texts_are_told_by_stretches_that_hold_all_words() -> None:
    words = [f"w{number}" for number in range(100)]
    players = Players.of(" ".join(words))
    assert len(players.parts) == MOST_PLAYERS
    assert " ".join(players.parts).split() == words
    assert players.text(np.zeros(MOST_PLAYERS, bool)) == ""


def test_words_that_matter_matter_more_than_words_at_random() -> None:
    random = np.random.default_rng(1)
    texts = [
        Players.of(" ".join(random.permutation(["good", "great", *(f"w{n}" for n in range(12))])))
        for _ in range(20)
    ]
    targets = np.ones(20, np.int64)
    found = [shapley(margins, players, 1) for players in texts]
    told = faithful(margins, texts, targets, found, random)
    assert told["comprehensiveness"] > 4.0 > told["comprehensiveness_at_random"]
    assert told["sufficiency"] < 1.5 < told["sufficiency_at_random"]
    words = telling_words(texts, targets, found, lambda target: f"class {target}")
    assert [item["word"] for item in words["class 1"]] == ["good", "great"]
    assert words["class 1"][0]["texts"] == 20
    assert agreement(found, found) == pytest.approx(1.0)
