"""Sample card transactions with known kinds of fraud, in the order of time.

Cards have habits: how often, how much, where and through which channel they pay. Three kinds of fraud break
them:

- theft: for some days a stolen card pays several times its usual amounts, at merchants it has not been to;
- compromised merchant: for some weeks a part of all payments at a merchant's terminal is fraud of ordinary
amounts;
- card-not-present burst: within an hour or two a card's number is tried at many online shops.

Amounts and the share of online payments drift slowly, and of the kinds of fraud bursts become more frequent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

# Subjects: the computed columns that tell of the same thing.
DRIVERS = ("merchant_risk", "card_activity", "amount")
IRRELEVANT = ("language",)

CHANNELS = ("chip", "contactless", "online")
LANGUAGES = ("de", "en", "fr")
START = np.datetime64("2026-01-05T00:00:00", "s")
DAYS = 90
DAY = 86_400
# Rows of each kind of fraud as a share of all.
THEFT, COMPROMISED, BURST = 0.003, 0.004, 0.002


@dataclass
class _Rows:
    """Transactions as parallel arrays; seconds since the start, and the kind of fraud, 0 for none."""

    second: np.ndarray
    card: np.ndarray
    merchant: np.ndarray
    amount: np.ndarray
    channel: np.ndarray
    fraud: np.ndarray

    def __len__(self) -> int:
        return len(self.second)


def generate(rows: int, seed: int) -> pa.Table:
    """Draw transactions.

    Args:
        rows: How many.
        seed: The same seed gives the same table.

    Returns:
        One row a transaction, ordered by time over 90 days; `fraud` is "yes" for about 0.9 % of them.
    """
    random = np.random.default_rng(seed)
    cards, merchants = max(rows // 60, 4), max(rows // 100, 4)
    usual = random.lognormal(3.4, 0.5, cards)
    habits = random.integers(0, merchants, (cards, 8))
    online_share = random.beta(1.5, 6.0, cards)

    honest = _honest(rows, random, usual, habits, online_share)
    thefts = _thefts(round(rows * THEFT), random, usual, merchants)
    bursts = _bursts(round(rows * BURST), random, cards, merchants)
    taken = len(thefts) + len(bursts)
    kept = np.sort(random.permutation(len(honest))[: max(rows - taken, 0)])
    parts = [_taken(honest, kept), thefts, bursts]
    joined = [np.concatenate([getattr(part, name) for part in parts]) for name in _Rows.__dataclass_fields__]
    drawn = _Rows(*joined)
    drawn = _taken(drawn, np.argsort(drawn.second, kind="stable")[:rows])
    _compromise(round(rows * COMPROMISED), random, drawn, merchants)

    times = START + drawn.second.astype("timedelta64[s]")
    return pa.table(
        {
            "transaction_id": [f"T{number:08d}" for number in range(rows)],
            "time": np.char.replace(np.datetime_as_string(times, unit="s"), "T", " "),
            "card": [f"C{number:06d}" for number in drawn.card],
            "terminal": [f"M{number:05d}" for number in drawn.merchant],
            "amount": np.round(drawn.amount, 2),
            "channel": np.array(CHANNELS)[drawn.channel],
            "language": random.choice(LANGUAGES, rows),
            "fraud": np.where(drawn.fraud > 0, "yes", "no"),
        }
    )


def _taken(rows: _Rows, places: np.ndarray) -> _Rows:
    return _Rows(*(getattr(rows, name)[places] for name in _Rows.__dataclass_fields__))


def _honest(
    count: int, random: np.random.Generator, usual: np.ndarray, habits: np.ndarray, online_share: np.ndarray
) -> _Rows:
    """Payments out of habit."""
    cards = len(usual)
    card = random.choice(cards, count, p=_shares(random.gamma(2.0, 1.0, cards)))
    second = random.integers(0, DAYS, count) * DAY + _time_of_day(random, count)
    months = second / (30 * DAY)
    # Most payments go to a few merchants; one in seven is somewhere else.
    merchant = habits[card, np.minimum(random.geometric(0.3, count), 8) - 1]
    elsewhere = random.random(count) < 1 / 7
    merchant = np.where(elsewhere, random.integers(0, habits.max() + 1, count), merchant)
    amount = usual[card] * random.lognormal(0.0, 0.55, count) * (1.0 + 0.02 * months)
    online = random.random(count) < np.clip(online_share[card] * (1.0 + 0.1 * months), 0.0, 1.0)
    merchant = np.where(online, random.integers(0, _shops(habits.max() + 1), count), merchant)
    channel = np.where(online, 2, random.choice(2, count, p=[0.4, 0.6]))
    return _Rows(second, card, merchant, amount, channel, np.zeros(count, np.int64))


def _thefts(count: int, random: np.random.Generator, usual: np.ndarray, merchants: int) -> _Rows:
    """Stolen cards, each used for some days."""
    incident = np.repeat(np.arange(count), 6)[:count]
    card = random.integers(0, len(usual), count)[incident]
    begin = random.integers(0, (DAYS - 3) * DAY, count)[incident]
    second = begin + random.integers(0, 3 * DAY, count)
    amount = usual[card] * random.uniform(3.0, 8.0, count)
    channel = random.choice(3, count, p=[0.1, 0.5, 0.4])
    return _Rows(
        second, card, random.integers(0, merchants, count), amount, channel, np.ones(count, np.int64)
    )


def _bursts(count: int, random: np.random.Generator, cards: int, merchants: int) -> _Rows:
    """Numbers of cards tried online, more of them as time goes on."""
    incident = np.repeat(np.arange(count), 8)[:count]
    card = random.integers(0, cards, count)[incident]
    begin = (np.sqrt(random.uniform(0.1, 1.0, count)) * (DAYS - 1) * DAY).astype(np.int64)[incident]
    second = begin + random.integers(0, 5_400, count)
    merchant = random.integers(0, _shops(merchants), count)
    amount = random.lognormal(3.2, 0.7, count)
    return _Rows(second, card, merchant, amount, np.full(count, 2), np.full(count, 2))


def _compromise(count: int, random: np.random.Generator, rows: _Rows, merchants: int) -> None:
    """Turn part of the payments at some terminals into fraud, in place, until there are enough of them."""
    done = 0
    for merchant in random.permutation(merchants):
        if done >= count:
            return
        begin = random.integers(-20 * DAY, (DAYS - 7) * DAY)
        open_to = (rows.merchant == merchant) & (rows.channel < 2) & (rows.fraud == 0)
        there = np.flatnonzero(open_to & (rows.second >= begin) & (rows.second < begin + 28 * DAY))
        hit = there[random.random(len(there)) < 0.5]
        rows.fraud[hit] = 3
        done += len(hit)


def _time_of_day(random: np.random.Generator, count: int) -> np.ndarray:
    """`(count,)` seconds within a day, most about three in the afternoon."""
    hours = np.where(
        random.random(count) < 0.85, random.normal(14.5, 3.5, count), random.uniform(0.0, 24.0, count)
    )
    return ((hours % 24.0) * 3600).astype(np.int64)


def _shops(merchants: int) -> int:
    """How many merchants sell online: the first ones."""
    return max(merchants // 10, 1)


def _shares(weights: np.ndarray) -> np.ndarray:
    shares: np.ndarray = weights / weights.sum()
    return shares
