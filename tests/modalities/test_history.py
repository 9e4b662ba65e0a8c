"""Raw rows to computed columns, in training and of new rows; and columns that see the future."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fraud_detection.sample_data import generate
from solutionkit.declaration import Columns, Data, Declaration
from solutionkit.declaration_parts import History
from solutionkit.errors import DataError, UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.modalities.events import history
from solutionkit.modalities.events.history import KnownRows, known_model, to_events
from solutionkit.modalities.events.point_in_time import future_problems
from solutionkit.modalities.events.rolling import CARD, POSITIVE, TIME, rolling_features
from solutionkit.tasks.classification.task import Classification

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


def with_history(raw: pa.Table, declaration: Declaration) -> pa.Table:
    events = to_events(raw, declaration, "rows.csv")
    return history.with_history(raw, events, declaration, rolling_features, "rows.csv")


def leaks(features) -> list[str]:  # type: ignore[no-untyped-def]
    found = future_problems(to_events(RAW, DECLARATION, "rows.csv"), DECLARATION, features)
    return [str(item) for item in found]


def test_new_rows_get_what_training_gave_them() -> None:
    whole = with_history(RAW, DECLARATION)
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
    whole = with_history(raw, declaration)
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
        with_history(raw, DECLARATION)


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
    problems = leaks(features)
    assert len(problems) == 1
    assert f"'{column}' sees the future" in problems[0]


AT_ONCE = DECLARATION.model_copy(update={"data": DECLARATION.data.model_copy(update={"label_delay": "0d"})})


def raw_label(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
    """Leak: the label's own column, which stands beside the encoded one."""
    return pa.table(
        {"suspicion": pc.cast(pc.equal(pc.fill_null(events["fraud"], "no"), "yes"), pa.float64())}
    )


def at_the_same_time(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
    """Leak: how many rows of the same moment there are, later ones too."""
    counts = {item["values"]: item["counts"] for item in pc.value_counts(events[TIME]).to_pylist()}
    return pa.table({"crowd": [float(counts[time]) for time in events[TIME].to_pylist()]})


@pytest.mark.parametrize(
    ("features", "declaration"),
    [(own_label, AT_ONCE), (raw_label, AT_ONCE), (raw_label, DECLARATION), (at_the_same_time, DECLARATION)],
)
def test_no_row_sees_its_own_label_or_its_own_moment(features, declaration) -> None:  # type: ignore[no-untyped-def]
    """Labels that are known at once are still not known before; of rows of one moment each may be the first."""
    raw = RAW
    if features is at_the_same_time:
        times = raw["time"].to_pylist()
        raw = raw.set_column(raw.column_names.index("time"), "time", pa.array([*times[:1], *times[:-1]]))
    events = to_events(raw, declaration, "rows.csv")
    assert future_problems(events, declaration, features)
    assert future_problems(events, declaration, rolling_features) == []


def test_the_librarys_columns_do_not_see_the_future() -> None:
    assert leaks(rolling_features) == []


def one_in_two_hundred(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
    """Leak that shows in few rows: the label itself where it is rare."""
    return pa.table({"suspicion": pc.fill_null(events[POSITIVE], 0.0)})


def test_a_leak_of_rare_labels_is_caught() -> None:
    raw = generate(20_000, 5)
    labels = np.array(raw["fraud"].to_pylist())
    kept = np.flatnonzero((labels == "no") | (np.random.default_rng(0).random(len(labels)) < 0.1))
    events = to_events(raw.take(pa.array(kept)), DECLARATION, "rows.csv")
    assert future_problems(events, DECLARATION, one_in_two_hundred)


def test_a_column_of_text_is_compared_too() -> None:
    def daypart(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
        hours = pc.hour(events[TIME]).to_pylist()
        return pa.table({"daypart": ["am" if hour < 12 else "pm" for hour in hours]})

    def later(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
        return pa.table({"last": [str(pc.max(events[TIME]).as_py())] * events.num_rows})

    assert leaks(daypart) == []
    assert "'last' sees the future" in leaks(later)[0]


def test_labels_known_before_stay_known_when_rows_come_back_without_them() -> None:
    whole = with_history(RAW, DECLARATION)
    found = KnownRows(RAW, DECLARATION, rolling_features).features(RAW.drop_columns(["fraud"]))
    for name in ("merchant_frauds_30d", "merchant_risk_7d"):
        assert found[name].to_pylist() == whole[name].to_pylist()


def test_a_row_alone_and_in_another_spelling_gets_the_same() -> None:
    """A Parquet file's types, nanoseconds and floats, against the texts of a CSV; slices of texts."""
    texts = pa.table({name: RAW[name].cast(pa.string()) for name in RAW.column_names})
    known = KnownRows(texts, DECLARATION, rolling_features)
    whole = with_history(RAW, DECLARATION)
    typed = RAW.set_column(1, "time", pc.strptime(RAW["time"], "%Y-%m-%d %H:%M:%S", "ns"))
    for rows in (texts, typed):
        for row in (3999, 2500):
            found = known.features(rows.slice(row, 1).drop_columns(["transaction_id"]))
            for name in ("card_count_30d", "merchant_risk_30d", "recent", "amount_to_card_mean_30d"):
                assert found[name].to_pylist() == whole[name].slice(row, 1).to_pylist(), name


def test_own_columns_see_all_known_rows_and_all_their_columns() -> None:
    def online(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
        frame = events.select([TIME, "channel"]).to_pandas().reset_index()
        frame = frame.sort_values([TIME, "index"])
        before = (frame["channel"] == "online").cumsum() - (frame["channel"] == "online")
        frame["count"] = before.groupby(frame[TIME]).transform("first").astype(float)
        return pa.table({"online_before": frame.sort_values("index")["count"].to_numpy()})

    events = to_events(RAW, DECLARATION, "rows.csv")
    whole = history.with_history(RAW, events, DECLARATION, online, "rows.csv")
    assert leaks(online) == []
    found = KnownRows(RAW, DECLARATION, online).features(RAW.slice(3000, 7).drop_columns(["fraud"]))
    assert found["online_before"].to_pylist() == whole["online_before"].slice(3000, 7).to_pylist()


@pytest.mark.parametrize(
    ("values", "columns", "positives"),
    [
        (["legit", "stolen", "cloned"], {"negative": "legit"}, ["stolen", "cloned"]),
        (["y"], {}, ["y"]),
        (["0"], {}, []),
        (["1"], {"positive": 1}, ["1"]),
    ],
)
def test_what_is_positive_does_not_depend_on_which_rows_there_are(
    values: list[str], columns: dict, positives: list[str]
) -> None:
    found = history.positive_values(pa.chunked_array([values]), Columns(label="y", **columns))
    assert sorted(found) == sorted(positives)


def test_ids_that_became_floats_are_the_same_card() -> None:
    assert history.names(pa.chunked_array([["7.0", "7", "7.05", None]])).to_pylist() == [
        "7",
        "7",
        "7.05",
        None,
    ]


def test_a_raw_column_called_merchant_is_none_unless_declared() -> None:
    declaration = DECLARATION.model_copy(
        update={"columns": DECLARATION.columns.model_copy(update={"merchant": None})}
    )
    raw = RAW.append_column("merchant", RAW["terminal"])
    found = with_history(raw, declaration)
    assert not [name for name in found.column_names if name.startswith("merchant_")]


def test_a_model_of_other_windows_is_refused() -> None:
    spec = TableSpec(Classification("fraud", ("no", "yes")), (), computed_by=history.computed_by(DECLARATION))
    known_model(spec, KnownRows(RAW, DECLARATION, rolling_features))
    other = DECLARATION.model_copy(update={"history": History(windows=["2d"])})
    with pytest.raises(UserError, match="windows changed since this model was trained"):
        known_model(spec, KnownRows(RAW, other, rolling_features))


def test_an_ignored_raw_column_gives_way_to_a_computed_one() -> None:
    declaration = DECLARATION.model_copy(
        update={"columns": DECLARATION.columns.model_copy(update={"ignore": ["hour"]})}
    )
    found = with_history(RAW.append_column("hour", pa.array(np.full(4000, -1.0))), declaration)
    assert min(found["hour"].to_pylist()) >= 0


def test_a_mistake_in_the_projects_function_is_said_with_its_line() -> None:
    def wrong(events: pa.Table, history: History, delay: timedelta) -> pa.Table:
        return pa.table({"x": events["chanel"]})

    events = to_events(RAW, DECLARATION, "rows.csv")
    with pytest.raises(
        UserError, match=r"test_history\.py, line \d+: KeyError: .*chanel.*events have the columns"
    ):
        history.with_history(RAW, events, DECLARATION, wrong, "rows.csv")
