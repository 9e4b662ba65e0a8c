"""How much time lies between two steps, found out or declared, and what the calendar says of a step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from solutionkit.examples.times import DAY, MICROSECONDS

HOUR, MINUTE = 3_600 * MICROSECONDS, 60 * MICROSECONDS
UNITS = {"s": MICROSECONDS, "min": MINUTE, "h": HOUR, "D": DAY, "W": 7 * DAY}
MONTHS = {"M": 1, "Q": 3, "Y": 12}
# Numbers in a time column are steps unless they are so large; then they are seconds since 1970.
LARGEST_STEP = 100_000_000
# Share of intervals that must be the usual one.
REGULAR = 0.5


@dataclass(frozen=True)
class Frequency:
    """A regular grid of times.

    Attributes:
        kind: `step` (numbers that count), `time` (a fixed span) or `month` (months, which differ in length).
        size: So many numbers, microseconds or months from one step to the next.
        anchor: Where the grid lies: the remainder of a time divided by the size.
        day: Of the month, for `month`; 0 is the last one.
    """

    kind: str
    size: int
    anchor: int = 0
    day: int = 1

    NAMES: ClassVar[dict[str, str]] = {
        "s": "second", "min": "minute", "h": "hour", "D": "day", "W": "week",
        "M": "month", "Q": "quarter", "Y": "year",
    }  # fmt: skip

    @property
    def text(self) -> str:
        """As `TableSpec` keeps it."""
        return f"{self.kind}/{self.size}/{self.anchor}/{self.day}"

    @classmethod
    def read(cls, text: str) -> Frequency:
        """What `text` wrote."""
        kind, *numbers = text.split("/")
        return cls(kind, *map(int, numbers))

    @property
    def unit(self) -> tuple[int, str]:
        """Size and unit as `[forecast] frequency` has them, e.g. `(15, "min")`."""
        if self.kind == "step":
            return self.size, "step"
        known = MONTHS if self.kind == "month" else UNITS
        name = next(name for name, size in reversed(known.items()) if self.size % size == 0)
        return self.size // known[name], name

    @property
    def in_words(self) -> str:
        """For people.

        Example:
            >>> Frequency("time", 15 * 60 * 1_000_000).in_words
            'every 15 minutes'
        """
        count, unit = self.unit
        name = self.NAMES.get(unit, unit)
        return f"every {name}" if count == 1 else f"every {count} {name}s"

    # -- the grid

    def index(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`(rows,)` numbers of steps, and which times do not lie on the grid.

        Args:
            times: `(rows,)` int64 microseconds, or numbers of steps.
        """
        if self.kind != "month":
            number, rest = np.divmod(times - self.anchor, self.size)
            return number, rest != 0
        months, days, within = calendar_months(times)
        number, rest = np.divmod(months - self.anchor, self.size)
        last = calendar_months(times + DAY)[0] != months
        right_day = last if self.day == 0 else days == self.day
        return number, (rest != 0) | ~right_day | (within != 0)

    def times(self, index: np.ndarray) -> np.ndarray:
        """`(rows,)` the times of numbers of steps."""
        if self.kind != "month":
            return index * self.size + self.anchor
        months = index * self.size + self.anchor
        first = (months + (self.day == 0)).astype("datetime64[M]").astype("datetime64[us]").astype(np.int64)
        stamps: np.ndarray = first + (self.day - 1) * DAY
        return stamps

    def texts(self, index: np.ndarray) -> np.ndarray:
        """`(rows,)` times as people write them."""
        stamps = self.times(index)
        if self.kind == "step":
            return stamps.astype(str).astype(object)
        whole_days = self.kind == "month" or (self.size % DAY == 0 and self.anchor % DAY == 0)
        unit = "D" if whole_days else "s"
        written = np.datetime_as_string(stamps.astype("datetime64[us]"), unit=unit)  # type: ignore[call-overload]
        return np.char.replace(written, "T", " ").astype(object)

    # -- what is usual

    @property
    def seasons(self) -> tuple[int, ...]:
        """After how many steps patterns usually repeat, the shortest first."""
        if self.kind == "step":
            return (1,)
        if self.kind == "month":
            return (12 // self.size,) if 12 % self.size == 0 else (1,)
        found = [
            span // self.size for span in (DAY, 7 * DAY) if span % self.size == 0 and span // self.size > 1
        ]
        # Whole weeks, so that a day falls on the same weekday; a year of hours is longer than models read.
        year = 364 * DAY // self.size
        return (*found, *((year,) if self.size >= DAY and year > 1 else ())) or (1,)

    @property
    def calendar_names(self) -> dict[str, int]:
        """What the calendar says of a step, with how many values that has; see `calendar`."""
        if self.kind == "step":
            return {}
        if self.kind == "month":
            return {"month": 12} if self.size < 12 else {}
        names = {}
        if self.size < DAY:
            names["hour"] = 24
        if self.size <= DAY:
            names["weekday"] = 7
        if DAY <= self.size < 7 * DAY:
            names["day"] = 31
        return {**names, "yearday": 366} if self.size < 365 * DAY else names

    def calendar(self, index: np.ndarray) -> dict[str, np.ndarray]:
        """`(rows,)` hour with fractions, weekday from Monday, day and month, all from 0, by name."""
        stamps = self.times(index)
        names = self.calendar_names
        if not names:
            return {}
        months, days, within = calendar_months(stamps)
        days_since = np.floor_divide(stamps, DAY)
        year_start = (months // 12 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        found = {
            "hour": within / HOUR,
            "weekday": (days_since + 3) % 7,
            "day": days - 1,
            "month": months % 12,
            "yearday": days_since - year_start,
        }
        return {name: found[name].astype(np.float32) for name in names}


def calendar_months(times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Months since 1970, days of the month from 1, microseconds within the day, of `(rows,)` microseconds."""
    dates = times.astype("datetime64[us]")
    months = dates.astype("datetime64[M]")
    days = (dates.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64) + 1
    return months.astype(np.int64), days, np.mod(times, DAY)


def declared(text: str) -> Frequency | None:
    """What `[forecast] frequency` writes, its grid not yet laid; none where it means nothing."""
    match = re.fullmatch(r"(\d{0,5})\s*(s|min|h|D|W|M|Q|Y|step)", text.strip())
    if not match or match[1] == "0":
        return None
    count, unit = int(match[1] or 1), match[2]
    if unit == "step":
        return Frequency("step", count)
    return (
        Frequency("month", count * MONTHS[unit]) if unit in MONTHS else Frequency("time", count * UNITS[unit])
    )


def found(times: np.ndarray, gaps: np.ndarray, steps: bool) -> Frequency | None:
    """The frequency of some series; none where times are too irregular to say.

    Args:
        times: `(rows,)` int64 microseconds, or numbers of steps.
        gaps: `(pairs,)` differences of neighbouring times of a series, all positive.
        steps: Whether the times are numbers of steps.
    """
    if not len(gaps):
        return Frequency("step", 1) if steps else None
    usual, counts = np.unique(gaps, return_counts=True)
    if steps:
        return Frequency("step", int(usual[counts.argmax()]))
    if usual[0] >= 28 * DAY and (of_months(times) or (usual % (7 * DAY)).any()):
        months = np.unique(np.round(usual / (30.4375 * DAY)).astype(np.int64))
        return Frequency("month", int(np.gcd.reduce(months)) or 1)
    size = int(usual[counts.argmax()])
    if counts.max() < REGULAR * len(gaps) or size % MICROSECONDS:
        return None
    return Frequency("time", size)


def of_months(times: np.ndarray) -> bool:
    """Whether all times are on the same day of their month, or on its last one."""
    months, days, _ = calendar_months(times)
    return len(np.unique(days)) == 1 or bool((calendar_months(times + DAY)[0] != months).all())


def laid(frequency: Frequency, times: np.ndarray) -> Frequency:
    """The same frequency on the grid on which most times lie."""
    if frequency.kind == "month":
        months, days, _ = calendar_months(times)
        last = (calendar_months(times + DAY)[0] != months).all()
        usual = np.bincount(days).argmax()
        anchor = int(np.bincount(np.mod(months, frequency.size)).argmax())
        return Frequency("month", frequency.size, anchor, 0 if last and usual > 27 else int(usual))
    rests, counts = np.unique(np.mod(times, frequency.size), return_counts=True)
    return Frequency(frequency.kind, frequency.size, int(rests[counts.argmax()]))
