"""Texts of dates -> numbers, in TensorFlow's graph, as `kinds.date` reads them in Python."""

from __future__ import annotations

import tensorflow as tf

from solutionkit.kinds import Feature
from solutionkit.kinds.date import DAY, DAYS, HOUR, MONTH, WEEKDAY

# 1970-01-01 was a Thursday; Monday is 0.
FIRST_WEEKDAY = 3
# Days from the first of March of year 0 to 1970-01-01, and in 400 years.
EPOCH, ERA = 719_468.0, 146_097.0
CALENDAR = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
CLOCK = r"[ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?"
ZONE = r" ?(Z|UTC|[+-]\d{2}:?\d{2})"
WHOLE = f"{CALENDAR}({CLOCK}({ZONE})?)?"
SOME_DAY = "1970-01-01"


def parts(text: tf.Tensor, feature: Feature, reference: tf.Tensor | None) -> list[tf.Tensor]:
    """`(batch,)` float32 each: the parts that `Feature.domain` names; NaN where there is no date.

    Args:
        text: `(batch,)` dates in ISO 8601, empty for missing.
        feature: Says which parts.
        reference: `(batch,)` the dates that days are counted back from; without them since 1970.
    """
    moments = moment(text)
    day = tf.floor(moments)
    month, day_of_month = month_and_day(day)
    found = {
        DAYS: moments if reference is None else moment(reference) - moments,
        MONTH: month,
        DAY: day_of_month,
        WEEKDAY: tf.math.floormod(day + FIRST_WEEKDAY, 7.0),
        # Of a whole number of seconds; division by 24 leaves a little more or less.
        HOUR: tf.floor(tf.round((moments - day) * 86_400.0) / 3600.0),
    }
    return [tf.cast(found[part], tf.float32) for part in feature.domain]


def moment(text: tf.Tensor) -> tf.Tensor:
    """`(batch,)` float64 days since 1970, with the time of day in UTC; NaN where there is no date."""
    shaped = tf.strings.regex_full_match(text, WHOLE)
    known = tf.where(shaped, text, SOME_DAY)
    day = calendar_day(known)
    # The calendar has no 30th of February.
    there = shaped & (month_and_day(day)[1] == number(known, 8, 2))
    days = day + (seconds(known) - seconds_east(known)) / 86_400.0
    return tf.where(there, days, tf.constant(float("nan"), tf.float64))


def calendar_day(text: tf.Tensor) -> tf.Tensor:
    """`(batch,)` days since 1970 of the Gregorian calendar (Howard Hinnant's `days_from_civil`)."""
    month = number(text, 5, 2)
    # Years begin in March, so that the day that some have is their last.
    year = number(text, 0, 4) - tf.cast(month <= 2, tf.float64)
    day_of_year = (
        tf.floor((153.0 * tf.math.floormod(month + 9.0, 12.0) + 2.0) / 5.0) + number(text, 8, 2) - 1.0
    )
    leaps = tf.floor(year / 4.0) - tf.floor(year / 100.0) + tf.floor(year / 400.0)
    return 365.0 * year + leaps + day_of_year - EPOCH


def month_and_day(day: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`(batch,)` each, of days since 1970 (Howard Hinnant's `civil_from_days`)."""
    of_era = tf.math.floormod(day + EPOCH, ERA)
    year = tf.floor(
        (of_era - tf.floor(of_era / 1460.0) + tf.floor(of_era / 36_524.0) - tf.floor(of_era / 146_096.0))
        / 365.0
    )
    of_year = of_era - (365.0 * year + tf.floor(year / 4.0) - tf.floor(year / 100.0))
    from_march = tf.floor((5.0 * of_year + 2.0) / 153.0)
    return tf.math.floormod(from_march + 2.0, 12.0) + 1.0, of_year - tf.floor(
        (153.0 * from_march + 2.0) / 5.0
    ) + 1.0


def seconds(text: tf.Tensor) -> tf.Tensor:
    """`(batch,)` seconds since midnight; 0 where no time of day is given."""
    timed = tf.strings.length(text) > len(SOME_DAY)
    # Without a second, or with a zone in its place, none.
    full = tf.strings.regex_full_match(text, r".{16}:\d{2}.*")
    clock = tf.where(full, text, tf.strings.substr(text, 0, 16) + ":00")
    clock = tf.where(timed, clock, SOME_DAY + " 00:00:00")
    return 3600.0 * number(clock, 11, 2) + 60.0 * number(clock, 14, 2) + number(clock, 17, 2)


def seconds_east(text: tf.Tensor) -> tf.Tensor:
    """`(batch,)` how far a zone's clock is ahead; 0 where none is named."""
    zoned = tf.strings.regex_full_match(text, r".{16}.*[+-]\d{2}:?\d{2}")
    last = tf.strings.regex_replace(tf.where(zoned, text, "+0000"), r"^.*([+-])(\d{2}):?(\d{2})$", r"\1\2\3")
    sign = tf.where(tf.strings.substr(last, 0, 1) == "-", tf.constant(-1.0, tf.float64), 1.0)
    return sign * (3600.0 * number(last, 1, 2) + 60.0 * number(last, 3, 2))


def number(text: tf.Tensor, start: int, size: int) -> tf.Tensor:
    """`(batch,)` float64 of the digits that stand there."""
    return tf.strings.to_number(tf.strings.substr(text, start, size), tf.float64)
