"""Raw rows to computed columns, in training and of new rows; and columns that see the future."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fraud_detection.sample_data import generate
from solutionkit.declaration import Columns, Data, Declaration, History
from solutionkit.errors import DataError
from solutionkit.examples.history import KnownRows, to_events, with_history
from solutionkit.examples.point_in_time import future_problems
from solutionkit.examples.rolling import CARD, POSITIVE, TIME, rolling_features

DECLARATION = Declaration(
    data=Data(path=Path("rows.csv"), split="time", label_delay="7d"),
    columns=Columns(
        label="fraud",
        positive="yes",
        id="transaction_id",
        time="time",
        card="card",
        merchant="terminal",
        amount="amount",
    ),
    history=History(),
)
RAW = generate(4000, 3)


def test_new_rows_get_what_training_gave_them() -> None:
    whole = with_history(RAW, DECLARATION, rolling_features, "rows.csv")
    known = KnownRows(RAW, DECLARATION, rolling_features)
    computed = whole.column_names[RAW.num_columns :]
    # All of them at once, among the known rows too; the last ones as if they were new; one alone.
    for new in (RAW, RAW.slice(3900).drop_columns(["fraud"]), RAW.slice(2500, 1)):
        found = known.features(new)
        places = pc.index_in(new["transaction_id"], RAW["transaction_id"])
        for name in computed:
            assert found[name].to_pylist() == whole[name].take(places).to_pylist(), name


def test_new_rows_without_an_id_are_known_by_time_card_merchant_and_amount() -> None:
    declaration = DECLARATION.model_copy(
        update={"columns": DECLARATION.columns.model_copy(update={"id": None})}
    )
    raw = RAW.drop_columns(["transaction_id"])
    found = KnownRows(raw, declaration, rolling_features).features(raw.slice(3990))
    whole = with_history(raw, declaration, rolling_features, "rows.csv")
    assert found["card_count_30d"].to_pylist() == whole["card_count_30d"].slice(3990).to_pylist()


def test_a_new_row_sees_the_known_ones_and_its_own_kind() -> None:
    new = RAW.slice(3999, 1).set_column(0, "transaction_id", pa.array(["new"]))
    new = new.set_column(1, "time", pa.array(["2026-04-06 00:00:00"]))
    found = KnownRows(RAW, DECLARATION, rolling_features).features(new)
    same = pc.sum(pc.equal(RAW["card"], RAW["card"][3999])).as_py()
    recent = found["card_count_30d"][0].as_py()
    assert 1 <= recent <= same


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("amount", ["12,50"], "holds text (row 1: '12,50'"),
        ("time", ["yesterday"], "the time column 'time'"),
        ("time", [None], "is empty in 1 rows (row 1"),
    ],
)
def test_unreadable_cells_are_named(column: str, values: list, says: str) -> None:
    raw = RAW.slice(0, 1)
    raw = raw.set_column(raw.column_names.index(column), column, pa.array(values, pa.string()))
    with pytest.raises(DataError) as error:
        to_events(raw, DECLARATION, "rows.csv")
    assert says in str(error.value)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match=r"'terminal' \(columns\.merchant\) is missing"):
        to_events(RAW.drop_columns(["terminal"]), DECLARATION, "rows.csv")


def test_a_raw_column_with_a_computed_name_is_refused() -> None:
    raw = RAW.append_column("hour", pa.array(np.zeros(RAW.num_rows)))
    with pytest.raises(DataError, match="'hour' has the name of a computed one"):
        with_history(raw, DECLARATION, rolling_features, "rows.csv")


def test_labels_not_known_yet_count_neither_way() -> None:
    labels = pa.array([None, *RAW["fraud"].to_pylist()[1:]], pa.string())
    raw = RAW.set_column(RAW.column_names.index("fraud"), "fraud", labels)
    assert to_events(raw, DECLARATION, "rows.csv")[POSITIVE][0].as_py() is None


def counted(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
    """Leak: how many rows a card has in all."""
    counts = {item["values"]: item["counts"] for item in pc.value_counts(events[CARD]).to_pylist()}
    return pa.table({"card_total": [float(counts[card]) for card in events[CARD].to_pylist()]})


def centred(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
    """Leak: a window that is not before the row but about it."""
    later = events.set_column(0, TIME, pc.subtract(events[TIME], pa.scalar(timedelta(hours=12))))
    joined = pa.concat_tables([events.select(later.column_names), later])
    made = rolling_features(joined, history.model_copy(update={"recent": 0}), delay)
    return made.slice(0, events.num_rows).select(["card_count_1d"])


def undelayed(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
    """Leak: labels as if they were known at once."""
    return rolling_features(events, history, timedelta(0)).select(["merchant_risk_30d", "hour"])


def own_label(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
    """Leak: the label itself."""
    return pa.table({"suspicion": pc.fill_null(events[POSITIVE], 0.0)})


@pytest.mark.parametrize(
    ("features", "column"),
    [
        (counted, "card_total"),
        (centred, "card_count_1d"),
        (undelayed, "merchant_risk_30d"),
        (own_label, "suspicion"),
    ],
)
def test_a_planted_leak_is_caught(features, column: str) -> None:  # type: ignore[no-untyped-def]
    problems = future_problems(RAW, DECLARATION, features, "rows.csv")
    assert len(problems) == 1
    assert f"'{column}' sees the future" in problems[0]


def test_the_librarys_columns_do_not_see_the_future() -> None:
    assert future_problems(RAW, DECLARATION, rolling_features, "rows.csv") == []
