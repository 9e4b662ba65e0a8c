"""Texts of three classes, as models read them; made once a session."""

from dataclasses import dataclass

import numpy as np
import pytest

from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import TEXT, Feature
from solutionkit.models.arrays import TransformedSplit
from solutionkit.tasks.routing.task import Routing

CLASSES = ("billing", "delivery", "technical")
KEYS = (("invoice", "charged", "refund"), ("parcel", "courier", "late"), ("crash", "error", "screen"))
FILLER = ("i", "have", "the", "a", "my", "since", "please", "again", "today", "order", "number", "is", "not")


@dataclass(frozen=True)
class Texts:
    """What the models' tests need.

    Attributes:
        spec: What the columns are.
        splits: Texts by split.
    """

    spec: TableSpec
    splits: dict[str, TransformedSplit]


@pytest.fixture(scope="session")
def few_texts() -> Texts:
    random = np.random.default_rng(8)

    def drawn(rows: int) -> TransformedSplit:
        labels = random.integers(0, len(CLASSES), rows)
        texts = [
            " ".join(random.permutation([*random.choice(KEYS[label], 2), *random.choice(FILLER, 6)])).encode()
            for label in labels
        ]
        return TransformedSplit({TEXT: np.array(texts, object)}, labels, random.integers(1, 4, rows))

    spec = TableSpec(Routing("queue", CLASSES), (Feature("text", TEXT),))
    return Texts(spec, {"train": drawn(240), "validation": drawn(80), "eval": drawn(200)})
