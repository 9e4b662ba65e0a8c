"""Daily sales of a made-up retailer, with known effects: trend, seasons, promotions, prices, holidays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

STORES = ("north", "centre", "harbour", "station", "park")
# Name, category, usual sales a day, what a promotion and a price cut of ten percent do, and trend a year.
ITEMS = (
    ("bread", "bakery", 42.0, 1.25, 1.05, 0.02),
    ("croissant", "bakery", 18.0, 1.6, 1.12, 0.05),
    ("milk", "dairy", 36.0, 1.3, 1.06, -0.02),
    ("yoghurt", "dairy", 15.0, 1.9, 1.2, 0.08),
    ("cheese", "dairy", 9.0, 1.8, 1.18, 0.03),
    ("juice", "drinks", 12.0, 2.2, 1.3, 0.0),
    ("cola", "drinks", 20.0, 2.4, 1.28, -0.05),
    ("ice cream", "frozen", 8.0, 1.9, 1.2, 0.1),
    ("pizza", "frozen", 7.0, 2.3, 1.25, 0.04),
    ("candles", "household", 0.9, 1.8, 1.1, 0.0),
    ("batteries", "household", 0.5, 1.6, 1.1, -0.1),
    ("oat drink", "drinks", 11.0, 1.7, 1.2, 0.25),
)
# Monday to Sunday: shops are closed on none, and fullest before the weekend.
WEEK = np.array([0.88, 0.86, 0.92, 1.0, 1.22, 1.34, 0.78])
# How far a category swings with the summer.
SUMMER = {"bakery": 0.0, "dairy": 0.04, "drinks": 0.22, "frozen": 0.4, "household": -0.35}
HOLIDAY_EFFECT, EVE_EFFECT = 0.35, 1.5
FIRST_DAY = np.datetime64("2023-01-01")
# Month and day.
HOLIDAYS = ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))
# A stock-out shows fewer sales than there was demand.
STOCK_OUTS = 0.01
NEWCOMER, NEW_SINCE = "oat drink", 0.55
DRIVERS = ("newest steps", "promotion")
IRRELEVANT = ("moon_phase",)


def generate(rows: int, seed: int) -> pa.Table:
    """Daily sales of twelve items in five shops, a row an item, shop and day.

    What is known of each day beforehand: price, promotion and holiday; the temperature is not. The phase of
    the moon does nothing. `oat drink` is sold for less than half of the time, candles and batteries sell
    rarely, and a stock-out cuts sales off.

    Args:
        rows: About how many; decides for how many days.
        seed: Of all that is drawn.
    """
    random = np.random.default_rng(seed)
    days = max(-(-rows // (len(STORES) * len(ITEMS))), 2)
    dates = FIRST_DAY + np.arange(days)
    months = dates.astype("datetime64[M]").astype(int) % 12 + 1
    of_month = (dates - dates.astype("datetime64[M]")).astype(int) + 1
    weekday = (dates.astype("datetime64[D]").astype(int) + 3) % 7
    year_day = (dates - dates.astype("datetime64[Y]")).astype(int)
    holiday = np.zeros(days, bool)
    for month, day in HOLIDAYS:
        holiday |= (months == month) & (of_month == day)
    eve = np.concatenate([holiday[1:], [False]]) & ~holiday
    summer = np.cos(2.0 * np.pi * (year_day - 200) / 365.25)
    warm = smoothed(random.normal(0.0, 3.0, days))
    temperature = 11.0 + 9.0 * summer + warm
    moon = (np.arange(days) % 29.53) / 29.53
    years = np.arange(days) / 365.25
    tables = []
    for store_number, store in enumerate(STORES):
        size = np.exp(0.35 * (store_number - 2) / 2.0)
        passing = np.exp(smoothed(random.normal(0.0, 0.06, days)))
        for item, category, level, promoted, cheaper, trend in ITEMS:
            promotion, price = offers(days, random, base=2.0 + 0.1 * level)
            usual_price = np.median(price)
            effect = WEEK[weekday] * (1.0 + SUMMER[category] * summer) * np.exp(trend * years)
            effect *= promoted**promotion * cheaper ** (10.0 * (1.0 - price / usual_price))
            effect *= np.where(holiday, HOLIDAY_EFFECT, np.where(eve, EVE_EFFECT, 1.0))
            if category == "frozen":
                effect *= np.exp(0.02 * warm)
            demand = random.poisson(level * size * passing * effect * random.gamma(12.0, 1.0 / 12.0, days))
            out = random.random(days) < STOCK_OUTS
            sales = np.where(out, np.floor(demand * random.uniform(0.0, 0.7, days)), demand)
            start = int(NEW_SINCE * days) if item == NEWCOMER else 0
            tables.append(
                pa.table(
                    {
                        "store": [store] * (days - start),
                        "item": [item] * (days - start),
                        "category": [category] * (days - start),
                        "date": pa.array(dates[start:]).cast(pa.date32()),
                        "sales": sales[start:].astype(np.int64),
                        "price": np.round(price[start:], 2),
                        "promotion": promotion[start:].astype(np.int64),
                        "holiday": np.where(holiday, "holiday", np.where(eve, "eve", "no"))[start:],
                        "temperature": np.round(temperature[start:], 1),
                        "moon_phase": np.round(moon[start:], 3),
                    }
                )
            )
    return pa.concat_tables(tables)


def offers(days: int, random: np.random.Generator, base: float) -> tuple[np.ndarray, np.ndarray]:
    """`(days,)` whether an item is promoted, and its price: weeks of offers, some of them cheaper.

    Args:
        days: How many.
        random: Draws.
        base: The usual price.
    """
    weeks = -(-days // 7) + 1
    offered = random.random(weeks) < 0.12
    cut = np.where(offered & (random.random(weeks) < 0.6), random.choice([0.1, 0.2, 0.25], weeks), 0.0)
    rise = np.cumsum(random.random(weeks) < 0.01) * 0.03
    shift = int(random.integers(0, 7))
    week = (np.arange(days) + shift) // 7
    return offered[week].astype(float), base * (1.0 + rise[week]) * (1.0 - cut[week])


def smoothed(noise: np.ndarray) -> np.ndarray:
    """`(days,)` noise that goes on from day to day."""
    found = np.empty_like(noise)
    last = 0.0
    for day, value in enumerate(noise):
        last = 0.9 * last + value * np.sqrt(1.0 - 0.9**2)
        found[day] = last
    return found
