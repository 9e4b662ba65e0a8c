"""What evaluation texts speak of that training texts did not: topics that are new.

Words that stand in clearly more of the texts by their log odds, with the words of both sides as the prior
(B. Monroe, M. Colaresi, K. Quinn, "Fightin' words", Political Analysis 16, 2008); those that stand in the
same texts make one topic.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.sparse import csgraph

from solutionkit.modalities.text.alike import joined
from solutionkit.modalities.text.discreet import without_names
from solutionkit.splits import EVAL, TRAIN

# Texts of each side that are looked at, and how much of each.
MOST_ROWS, MOST_CHARACTERS = 20_000, 2000
# In so many texts at least, so many standard errors and so many times more often.
FEWEST_TEXTS, CLEARLY, TIMES = 10, 4.0, 3.0
# How strongly both sides together speak, in texts.
PRIOR = 100.0
MOST_WORDS, MOST_TOPICS, TOGETHER = 24, 3, 0.25


def topic_notes(table: pa.Table, columns: list[str], splits: np.ndarray, seed: int) -> list[str]:
    """A note on topics of evaluation texts that training texts hardly have, without words that may be names.

    Args:
        table: Typed rows.
        columns: The text columns.
        splits: `(rows,)` names of splits.
        seed: Of the texts that are drawn where there are too many.
    """
    before, after = (_texts(table, columns, splits == name, seed) for name in (TRAIN, EVAL))
    found = new_topics(before, after)
    if not found:
        return []
    told = [
        f"{without_names(', '.join(words), after)} ({share:.1%} of evaluation texts, {earlier:.1%} before)"
        for words, share, earlier in found[:MOST_TOPICS]
    ]
    return [f"evaluation texts speak of what training texts hardly know: {'; '.join(told)}"]


def new_topics(before: list[str], after: list[str]) -> list[tuple[list[str], float, float]]:
    """Words that make a topic, the share of the later texts that have one of them, and of the earlier ones.

    Args:
        before: Texts that are known.
        after: Later ones.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    reader = CountVectorizer(
        binary=True, token_pattern=r"\b[^\W\d_]{2,}\b", min_df=FEWEST_TEXTS, dtype=np.float64
    )
    try:
        there = reader.fit_transform([*before, *after])
    except ValueError:
        # No word stands in as many texts.
        return []
    names, sizes = reader.get_feature_names_out(), np.array([len(before), len(after)], float)
    parts = there[: len(before)], there[len(before) :]
    counts = np.stack([np.asarray(part.sum(axis=0)).ravel() for part in parts])
    expected = PRIOR * counts.sum(axis=0) / sizes.sum()
    odds = np.log((counts + expected) / (sizes[:, None] + PRIOR - counts - expected))
    score = (odds[1] - odds[0]) / np.sqrt((1.0 / (counts + expected)).sum(axis=0))
    shares = counts / np.maximum(sizes, 1.0)[:, None]
    new = (score >= CLEARLY) & (shares[1] >= TIMES * shares[0]) & (counts[1] >= FEWEST_TEXTS)
    chosen = np.flatnonzero(new)[np.argsort(-score[new], kind="stable")][:MOST_WORDS]
    if not len(chosen):
        return []
    some = parts[1][:, chosen].toarray()
    together = np.nan_to_num(np.corrcoef(some, rowvar=False).reshape(len(chosen), -1)) >= TOGETHER
    topics = csgraph.connected_components(together, directed=False)[1]
    earlier = parts[0][:, chosen].toarray()
    return [
        (
            names[chosen[topics == topic]].tolist(),
            *(float(side[:, topics == topic].any(axis=1).mean()) for side in (some, earlier)),
        )
        for topic in dict.fromkeys(topics.tolist())
    ]


def _texts(table: pa.Table, columns: list[str], rows: np.ndarray, seed: int) -> list[str]:
    places = np.flatnonzero(rows)
    drawn = np.sort(np.random.default_rng(seed).permutation(places)[:MOST_ROWS])
    return [text[:MOST_CHARACTERS] for text in joined(table.take(pa.array(drawn)), columns).to_pylist()]
