"""Texts of dates -> numbers, in TensorFlow's graph."""

from __future__ import annotations

import tensorflow as tf

from solutionkit.kinds import Feature
from solutionkit.kinds.date import DAY, DAYS, HOUR, MONTH, WEEKDAY

# 1970-01-01 was a Thursday; Monday is 0.
FIRST_WEEKDAY = 3
WHOLE = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?"


def parts(text: tf.Tensor, feature: Feature, reference: tf.Tensor | None) -> list[tf.Tensor]:
    """`(batch,)` float32 each: the parts that `Feature.domain` names; NaN where there is no date.

    Args:
        text: `(batch,)` dates in ISO 8601, empty for missing.
        feature: Says which parts.
        reference: `(batch,)` the dates that days are counted back from; without them since 1970.
    """
    there = tf.strings.regex_full_match(text, WHOLE)
    known = tf.where(there, text, "1970-01-01")
    day, hour = calendar_day(known), hours(known)
    days = day + hour / 24.0
    if reference is not None:
        days = moment(reference) - days
    found = {
        DAYS: days,
        MONTH: number(known, 5, 2),
        DAY: number(known, 8, 2),
        WEEKDAY: tf.math.floormod(day + FIRST_WEEKDAY, 7.0),
        HOUR: tf.floor(hour),
    }
    missing = tf.constant(float("nan"), tf.float64)
    return [tf.cast(tf.where(there, found[part], missing), tf.float32) for part in feature.domain]


def moment(text: tf.Tensor) -> tf.Tensor:
    """`(batch,)` float64 days since 1970, with the time of day; NaN where there is no date."""
    there = tf.strings.regex_full_match(text, WHOLE)
    known = tf.where(there, text, "1970-01-01")
    return tf.where(there, calendar_day(known) + hours(known) / 24.0, tf.constant(float("nan"), tf.float64))


def calendar_day(text: tf.Tensor) -> tf.Tensor:
    """`(batch,)` days since 1970 of the Gregorian calendar (Howard Hinnant's `days_from_civil`)."""
    month = number(text, 5, 2)
    # Years begin in March, so that the day that some have is their last.
    year = number(text, 0, 4) - tf.cast(month <= 2, tf.float64)
    day_of_year = (
        tf.floor((153.0 * tf.math.floormod(month + 9.0, 12.0) + 2.0) / 5.0) + number(text, 8, 2) - 1.0
    )
    leaps = tf.floor(year / 4.0) - tf.floor(year / 100.0) + tf.floor(year / 400.0)
    return 365.0 * year + leaps + day_of_year - 719_468.0


def hours(text: tf.Tensor) -> tf.Tensor:
    """`(batch,)` hours since midnight; 0 where no time of day is given."""
    timed = tf.strings.length(text) > len("2025-12-31")
    padded = tf.where(timed, text, "0000-00-00 00:00")
    return number(padded, 11, 2) + number(padded, 14, 2) / 60.0


def number(text: tf.Tensor, start: int, size: int) -> tf.Tensor:
    """`(batch,)` float64 of the digits that stand there."""
    return tf.strings.to_number(tf.strings.substr(text, start, size), tf.float64)
