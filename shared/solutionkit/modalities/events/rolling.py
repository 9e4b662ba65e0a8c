"""Point-in-time features of events: what was known of a card and of a merchant before each event.

This is the only implementation: `audit` calls it for training, `predict` and `KnownRows` for new events. An
event sees events with an earlier time and never one of the same time or itself; of labels it sees those whose
delay had passed by then. Polars computes the windows, all entities at once, on all cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
import pyarrow as pa

from solutionkit.cells import sequence_array
from solutionkit.declaration_parts import History, span

# The columns of events.
TIME, CARD, MERCHANT, AMOUNT, POSITIVE = "time", "card", "merchant", "amount", "positive"
RECENT = "recent"
# What is told of each of a card's recent events.
CHANNELS = ("present", "log_amount", "log_hours_ago", "same_merchant")
HOUR = 3600.0
DIGITS = 6


@dataclass(frozen=True)
class Computed:
    """A computed column.

    Attributes:
        name: The column.
        subject: What it tells of; columns that tell of the same thing share one, explanations add them up.
        reason: What a value means as a reason code; `{value}` is the value.
    """

    name: str
    subject: str
    reason: str


def computed_columns(history: History, amount: str = AMOUNT, merchants: bool = True) -> list[Computed]:
    """The columns that `rolling_features` makes, in order.

    Args:
        history: Windows and number of recent events.
        amount: What the amount's column is called.
        merchants: Whether events have merchants.
    """
    longest, amount = history.longest, in_format(amount)
    listed = [
        Computed("hour", "time_of_day", "in the hour from {value:.0f}:00"),
        Computed("weekday", "time_of_day", "on weekday {value:.0f}"),
        Computed("card_hours_since", "card_activity", "{value:.1f} hours after the card's last use"),
    ]
    for window in history.windows:
        listed += [
            Computed(
                f"card_count_{window}", "card_activity", f"card used {{value:.0f}} times in {window} before"
            ),
            Computed(f"card_mean_{window}", "amount", f"card's mean {amount} in {window}: {{value:.2f}}"),
        ]
    listed += [
        Computed(f"amount_to_card_mean_{longest}", "amount", f"{amount} {{value:.1f}}x this card's usual"),
        Computed(f"amount_to_card_max_{longest}", "amount", f"{amount} {{value:.1f}}x this card's largest"),
    ]
    if merchants:
        for window in history.windows:
            listed += [
                Computed(
                    f"merchant_count_{window}",
                    "merchant_activity",
                    f"merchant had {{value:.0f}} transactions in {window} before",
                ),
                Computed(
                    f"merchant_mean_{window}",
                    "merchant_activity",
                    f"merchant's mean {amount} in {window}: {{value:.2f}}",
                ),
                Computed(
                    f"merchant_frauds_{window}",
                    "merchant_risk",
                    f"merchant had {{value:.0f}} frauds in the latest {window} with known labels",
                ),
                Computed(
                    f"merchant_risk_{window}",
                    "merchant_risk",
                    f"{{value:.1%}} fraud at the merchant in the latest {window} with known labels",
                ),
            ]
        listed.append(
            Computed(f"card_at_merchant_{longest}", "new_merchant", "card was here {value:.0f} times before")
        )
    if history.recent:
        text = "pattern of the card's latest {value:.0f} transactions"
        listed.append(Computed(RECENT, "card_activity", text))
    return listed


def in_format(name: str) -> str:
    """A name as it may stand in a text with `{value}`."""
    return name.replace("{", "{{").replace("}", "}}")


def rolling_features(events: pa.Table, history: History, label_delay: timedelta) -> pa.Table:
    """The computed columns of events.

    Args:
        events: `time` (timestamp), `card` and `merchant` (text; null is unknown and has no history), `amount`
            (float64) and `positive` (float64 of 0 and 1; null while the label is not known), in any order.
            Without merchants the column `merchant` is left out. More columns are not looked at.
        history: Windows and number of recent events.
        label_delay: How long after an event its label becomes known.

    Returns:
        One row an event, in the events' order: float64 columns, null where nothing is known, and of recent
        events a fixed-size list `(recent, channels)` of float32, the latest last.
    """
    merchants = MERCHANT in events.column_names
    keys = [CARD, *([MERCHANT] if merchants else [])]
    frame = pl.from_arrow(events.select([TIME, *keys, AMOUNT, POSITIVE]))
    assert isinstance(frame, pl.DataFrame)
    frame = (
        frame.with_row_index("position")
        .sort(TIME, "position")
        .with_columns(
            one=pl.lit(1.0),
            paid=pl.col(AMOUNT).is_not_null().cast(pl.Float64),
            spent=pl.col(AMOUNT).fill_null(0.0),
            labelled=pl.col(POSITIVE).is_not_null().cast(pl.Float64),
            fraud=pl.col(POSITIVE).fill_null(0.0),
        )
    )
    longest = history.longest
    known = pl.col(CARD).is_not_null()
    since = (pl.col(TIME) - _last_time_before(CARD)).dt.total_microseconds() / (HOUR * 1e6)
    columns: dict[str, pl.Expr] = {
        "hour": pl.col(TIME).dt.hour().cast(pl.Float64),
        "weekday": pl.col(TIME).dt.weekday().cast(pl.Float64),
        "card_hours_since": pl.when(known).then(since),
    }
    for key in keys:
        for window in history.windows:
            columns |= _windows(key, window)
        if key == CARD:
            usual = columns[f"card_mean_{longest}"]
            most = pl.col(AMOUNT).rolling_max_by(TIME, span(longest), closed="left").over(CARD)
            columns |= {
                f"amount_to_card_mean_{longest}": _ratio(pl.col(AMOUNT), usual),
                f"amount_to_card_max_{longest}": _ratio(pl.col(AMOUNT), pl.when(known).then(most)),
            }
        else:
            for window in history.windows:
                columns |= _known_frauds(key, window, label_delay)
    if merchants:
        both = known & pl.col(MERCHANT).is_not_null()
        visits = _sum("one", span(longest), [CARD, MERCHANT])
        columns[f"card_at_merchant_{longest}"] = pl.when(both).then(visits)
    order = [item.name for item in computed_columns(history, merchants=merchants) if item.name != RECENT]
    made = frame.lazy().select("position", *(columns[name].alias(name) for name in order)).collect()
    # Sums of amounts that enter and leave a window carry rounding noise, by where the data begins.
    made = made.with_columns(pl.selectors.float().round(DIGITS)).sort("position").drop("position")
    table: pa.Table = made.to_arrow()
    if history.recent:
        table = table.append_column(RECENT, recent_events(events, history.recent))
    return table


def _windows(key: str, window: str) -> dict[str, pl.Expr]:
    """Count and mean amount of the events of the same key within a window before."""
    known = pl.col(key).is_not_null()
    spent, paid = _sum("spent", span(window), [key]), _sum("paid", span(window), [key])
    return {
        f"{key}_count_{window}": pl.when(known).then(_sum("one", span(window), [key])),
        f"{key}_mean_{window}": pl.when(known & (paid > 0)).then(spent / paid),
    }


def _known_frauds(key: str, window: str, delay: timedelta) -> dict[str, pl.Expr]:
    """Number and share of positive events whose label was known, within a window before the delay."""
    known = pl.col(key).is_not_null()

    def before_delay(column: str) -> pl.Expr:
        whole = _sum(column, span(window) + delay, [key])
        return whole - _sum(column, delay, [key]) if delay else whole

    frauds, labelled = before_delay("fraud"), before_delay("labelled")
    return {
        f"{key}_frauds_{window}": pl.when(known).then(frauds),
        f"{key}_risk_{window}": pl.when(known & (labelled > 0)).then(frauds / labelled),
    }


def _sum(column: str, window: timedelta, keys: list[str]) -> pl.Expr:
    """Sum over `[time - window, time)` of the rows with the same keys."""
    return pl.col(column).rolling_sum_by(TIME, window, closed="left").over(keys).fill_null(0.0)


def _last_time_before(key: str) -> pl.Expr:
    """The latest time of the same key that is earlier than the row's."""
    earlier = pl.when(pl.col(TIME) > pl.col(TIME).shift(1)).then(pl.col(TIME).shift(1))
    return earlier.forward_fill().over(key)


def _ratio(above: pl.Expr, below: pl.Expr) -> pl.Expr:
    return pl.when(below > 0).then(above / below)


def recent_events(events: pa.Table, count: int) -> pa.Array:
    """Of each event the card's latest earlier events: `(rows,)` lists `(count, channels)` of float32.

    Places before the card's first event are zero, `present` too.
    """
    rows = events.num_rows
    time = events[TIME].cast(pa.int64()).to_numpy()
    card = events[CARD].combine_chunks().dictionary_encode().indices
    unknown = card.is_null().to_numpy(zero_copy_only=False)
    card = card.fill_null(-1).to_numpy()
    amount = np.log1p(np.maximum(events[AMOUNT].fill_null(0.0).to_numpy(), 0.0))
    merchant = np.full(rows, -1)
    if MERCHANT in events.column_names:
        merchant = events[MERCHANT].combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()
    order = np.lexsort((np.arange(rows), time, card))
    time, card, amount, merchant = time[order], card[order], amount[order], merchant[order]
    places = np.arange(rows)
    begins = np.concatenate([[True], card[1:] != card[:-1]])
    first = np.maximum.accumulate(np.where(begins, places, 0))
    # The first event of the same card and time: what lies before it is earlier.
    new_time = begins | np.concatenate([[True], time[1:] != time[:-1]])
    limit = np.maximum.accumulate(np.where(new_time, places, 0))
    recent = np.zeros((rows, count, len(CHANNELS)), np.float32)
    for step in range(count):
        place = limit - count + step
        present = (place >= first) & ~unknown[order]
        there = np.maximum(place, 0)
        told = (
            np.ones(rows),
            amount[there],
            np.log1p(np.maximum(time - time[there], 0) / (HOUR * 1e6)),
            (merchant[there] == merchant) & (merchant >= 0),
        )
        for channel, values in enumerate(told):
            recent[order, step, channel] = np.where(present, values, 0.0)
    return sequence_array(recent)
