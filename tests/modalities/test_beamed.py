"""A history by Beam is the history that Polars computes."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.cells import sequence_values
from solutionkit.declaration_parts import History
from solutionkit.errors import UserError
from solutionkit.modalities.events.beamed import beamed_features
from solutionkit.modalities.events.rolling import RECENT, rolling_features

pytestmark = pytest.mark.slow
HISTORY, DELAY = History(windows=["6h", "3d"], recent=3), timedelta(days=2)


def events(rows: int, merchants: bool) -> pa.Table:
    """Many equal times, in no order, cells missing."""
    random = np.random.default_rng(rows)
    hours = random.integers(0, 20 * 24, rows)

    def some(values: list, share: float) -> list:
        return [None if random.random() < share else value for value in values]

    table = {
        "time": pa.array(np.datetime64("2026-01-05", "us") + hours.astype("timedelta64[h]")),
        "card": some([f"C{number}" for number in random.integers(0, 60, rows)], 0.05),
        "amount": pa.array(some(random.gamma(2.0, 30.0, rows).tolist(), 0.05)),
        "positive": pa.array(some((random.random(rows) < 0.2).astype(float).tolist(), 0.1)),
    }
    if merchants:
        table["merchant"] = some([f"M{number}" for number in random.integers(0, 25, rows)], 0.05)
    return pa.table(table)


@pytest.mark.parametrize("merchants", [True, False])
@pytest.mark.parametrize("recent", [3, 0])
def test_beam_gives_what_polars_gives(merchants: bool, recent: int) -> None:
    history = HISTORY.model_copy(update={"recent": recent})
    rows = events(3000, merchants)
    expected = rolling_features(rows, history, DELAY)
    found = beamed_features(rows, history, DELAY, [], parts=7, chunk=800)
    assert found.column_names == expected.column_names
    for name in expected.column_names:
        if name == RECENT:
            np.testing.assert_array_equal(sequence_values(found[name]), sequence_values(expected[name]))
        else:
            assert found[name].combine_chunks().equals(expected[name].combine_chunks()), name


def test_arguments_reach_beam() -> None:
    with pytest.raises(UserError, match=r"could not be computed by Beam \(--runner=NoRunner\)"):
        beamed_features(events(50, True), HISTORY, DELAY, ["--runner=NoRunner"])
