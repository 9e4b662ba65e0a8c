import numpy as np
import pyarrow as pa
import pytest

from solutionkit.declaration import Columns, Data, Declaration
from solutionkit.errors import DataError
from solutionkit.examples.splitting import Sides, assign_splits
from solutionkit.modalities.rows import Dataset
from solutionkit.splits import EVAL, TRAIN, VALIDATION
from solutionkit.use_case import EVENTS


def assign(table: pa.Table, labels: np.ndarray, declaration: Declaration) -> tuple[np.ndarray, list[str]]:
    """As the audit does it."""
    sides = Sides(table, declaration, "x.csv", labels, ordered=EVENTS.ordered(declaration))
    splits, _, notes = assign_splits(sides)
    return splits, notes + EVENTS.after_split(splits, Dataset(table, "x.csv"), labels > 0, declaration)


def test_what_was_not_known_is_not_learned_from_and_blocked_cards_do_not_pay() -> None:
    days = np.arange(100)
    times = [str(np.datetime64("2026-01-01T12:00:00") + np.timedelta64(int(day), "D")) for day in days]
    labels = np.zeros(100, int)
    labels[[10, 70, 85]] = 1
    cards = [f"C{i}" for i in days]
    # The same card: fraud on day 70, known on day 77; a card whose fraud on day 85 is known on day 92.
    for row in (76, 77, 90, 99):
        cards[row] = "C70"
    cards[91] = cards[92] = cards[93] = "C85"
    table = pa.table({"when": times, "card": cards})
    declaration = Declaration(
        data=Data(path="x.csv", split="time", label_delay="7d"),  # type: ignore[arg-type]
        columns=Columns(label="y", time="when", card="card"),
    )
    splits, notes = assign(table, labels, declaration)
    evaluated = np.flatnonzero(splits == EVAL)
    learned = np.flatnonzero(np.isin(splits, [TRAIN, VALIDATION]))
    # Evaluation begins on day 80: labels of the days up to 73 were known then.
    assert learned.tolist() == list(range(74))
    assert set(range(80, 100)) - set(evaluated.tolist()) == {90, 99, 92, 93}
    assert "6 rows are neither trained on nor evaluated" in notes[0]
    assert "4 evaluation rows are left out" in notes[1]


def test_an_evaluation_of_few_days_is_refused() -> None:
    rows = 1000
    table = pa.table(
        {
            "when": [str(np.datetime64("2026-01-01") + np.timedelta64(i % 100, "D")) for i in range(rows)],
            "card": [f"C{i % 37}" for i in range(rows)],
        }
    )
    declaration = Declaration(
        data=Data(path="x.csv", split="time", eval_fraction=0.02),  # type: ignore[arg-type]
        columns=Columns(label="y", time="when", card="card"),
    )
    labels = (np.random.default_rng(0).random(rows) < 0.1).astype(int)
    with pytest.raises(DataError, match="the evaluation rows are of 2 days; at least 6"):
        assign(table, labels, declaration)
