"""Every computed column against a plain loop, and what a computed column must never see."""

import math
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.cells import sequence_values
from solutionkit.declaration_parts import History, span
from solutionkit.modalities.events.rolling import CHANNELS, RECENT, computed_columns, rolling_features

START = datetime(2026, 1, 5)
DELAY = timedelta(days=2)
HISTORY = History(windows=["6h", "3d"], recent=3)


def events(rows: int = 120, seed: int = 0) -> pa.Table:
    """Crowded events: few cards and merchants, many equal times, in no order, cells missing."""
    random = np.random.default_rng(seed)
    hours = random.integers(0, 10 * 24, rows)
    return pa.table(
        {
            "time": pa.array([START + timedelta(hours=int(hour)) for hour in hours], pa.timestamp("us")),
            "card": [None if i % 17 == 3 else f"C{random.integers(4)}" for i in range(rows)],
            "merchant": [None if i % 13 == 5 else f"M{random.integers(3)}" for i in range(rows)],
            "amount": pa.array([None if i % 19 == 7 else float(random.integers(1, 90)) for i in range(rows)]),
            "positive": pa.array(
                [None if i % 11 == 4 else float(random.random() < 0.3) for i in range(rows)]
            ),
        }
    )


def before(rows: list[dict], row: dict, key: str, window: str) -> list[dict]:
    begin = row["time"] - span(window)
    return [item for item in rows if item[key] == row[key] and begin <= item["time"] < row["time"]]


def told_before(rows: list[dict], row: dict, window: str) -> list[float]:
    end = row["time"] - DELAY
    begin = end - span(window)
    return [
        item["positive"]
        for item in rows
        if item["merchant"] == row["merchant"]
        and begin <= item["time"] < end
        and item["positive"] is not None
    ]


def by_hand(rows: list[dict], row: dict) -> dict[str, float | None]:
    """The columns of one event, as their names say."""
    found: dict[str, float | None] = {"hour": row["time"].hour, "weekday": row["time"].isoweekday()}
    earlier = [item for item in rows if item["card"] == row["card"] and item["time"] < row["time"]]
    known_card = row["card"] is not None
    latest = max((item["time"] for item in earlier), default=None)
    found["card_hours_since"] = (
        (row["time"] - latest).total_seconds() / 3600 if latest and known_card else None
    )
    for key in ("card", "merchant"):
        for window in HISTORY.windows:
            there = before(rows, row, key, window)
            paid = [item["amount"] for item in there if item["amount"] is not None]
            known = row[key] is not None
            found[f"{key}_count_{window}"] = float(len(there)) if known else None
            found[f"{key}_mean_{window}"] = sum(paid) / len(paid) if paid and known else None
            if key == "card" and window == "3d":
                for name, usual in (
                    ("mean", sum(paid) / len(paid) if paid else None),
                    ("max", max(paid, default=None)),
                ):
                    told = usual and known and row["amount"] is not None
                    found[f"amount_to_card_{name}_3d"] = row["amount"] / usual if told else None
            if key == "merchant":
                labels = told_before(rows, row, window)
                found[f"merchant_frauds_{window}"] = sum(labels) if known else None
                found[f"merchant_risk_{window}"] = sum(labels) / len(labels) if labels and known else None
    visits = [item for item in before(rows, row, "card", "3d") if item["merchant"] == row["merchant"]]
    both = known_card and row["merchant"] is not None
    found["card_at_merchant_3d"] = float(len(visits)) if both else None
    return found


@pytest.mark.parametrize("seed", range(3))
def test_every_column_is_what_a_plain_loop_finds(seed: int) -> None:
    table = events(seed=seed)
    made = rolling_features(table, HISTORY, DELAY)
    rows = table.to_pylist()
    assert made.column_names == [item.name for item in computed_columns(HISTORY)]
    for place, (row, found) in enumerate(zip(rows, made.drop_columns([RECENT]).to_pylist(), strict=True)):
        wanted = by_hand(rows, row)
        assert set(found) == set(wanted)
        for name, value in wanted.items():
            if value is None:
                assert found[name] is None, (place, name)
            else:
                assert found[name] == pytest.approx(value, abs=1e-5), (place, name)


def test_recent_events_are_the_cards_latest_earlier_ones() -> None:
    table = events()
    rows = table.to_pylist()
    found = sequence_values(rolling_features(table, HISTORY, DELAY)[RECENT])
    assert found.shape == (len(rows), 3, len(CHANNELS))
    for row, steps in zip(rows, found, strict=True):
        earlier = [
            item
            for item in rows
            if row["card"] and item["card"] == row["card"] and item["time"] < row["time"]
        ]
        times = sorted(item["time"] for item in earlier)[-3:]
        assert steps[:, 0].tolist() == [0.0] * (3 - len(times)) + [1.0] * len(times)
        hours = [(row["time"] - time).total_seconds() / 3600 for time in times]
        assert steps[3 - len(times) :, 2] == pytest.approx([math.log1p(value) for value in hours], abs=1e-5)
        assert (steps[: 3 - len(times)] == 0).all()


def test_the_order_of_rows_does_not_matter() -> None:
    table = events()
    order = np.random.default_rng(5).permutation(table.num_rows)
    made = rolling_features(table, HISTORY.model_copy(update={"recent": 0}), DELAY)
    mixed = rolling_features(table.take(pa.array(order)), HISTORY.model_copy(update={"recent": 0}), DELAY)
    assert mixed.equals(made.take(pa.array(order)).combine_chunks())


def test_no_column_changes_with_what_comes_later() -> None:
    table = events(400)
    made = rolling_features(table, HISTORY, DELAY)
    times = np.array(table["time"].to_pylist(), "datetime64[us]")
    for hours in (50, 120, 200):
        moment = np.datetime64(START) + np.timedelta64(hours, "h")
        there = pa.array(np.flatnonzero(times <= moment))
        known = times <= moment - np.timedelta64(DELAY)
        labels = [
            label if told else None for label, told in zip(table["positive"].to_pylist(), known, strict=True)
        ]
        then = table.set_column(4, "positive", pa.array(labels, pa.float64())).take(there)
        again = rolling_features(then, HISTORY, DELAY)
        latest = np.flatnonzero(times[there.to_numpy()] >= moment - np.timedelta64(6, "h"))
        for name in again.column_names:
            assert again[name].take(pa.array(latest)).to_pylist() == (
                made[name].take(there).take(pa.array(latest)).to_pylist()
            ), name


def test_without_merchants_their_columns_are_left_out() -> None:
    made = rolling_features(events().drop_columns(["merchant"]), HISTORY, DELAY)
    assert made.column_names == [item.name for item in computed_columns(HISTORY, merchants=False)]
    assert not [name for name in made.column_names if "merchant" in name]
