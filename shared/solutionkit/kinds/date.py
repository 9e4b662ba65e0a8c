"""Columns of dates: when a customer came, a policy ends, a machine was serviced."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import SHOWN, is_iso_date, is_plain, place
from solutionkit.errors import Problem
from solutionkit.kinds.base import Feature, Single
from solutionkit.kinds.numeric import MISSING_NUMBERS, Numeric

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

MOSTLY_DATES = 0.9
MICROSECONDS_A_DAY = 86_400_000_000
DAYS_A_YEAR = 365.2425
# What models read of a date: how long ago it is, and where in the year, the month, the week and the day.
DAYS, MONTH, DAY, WEEKDAY, HOUR = "days", "month", "day", "weekday", "hour"
PARTS = (DAYS, MONTH, DAY, WEEKDAY, HOUR)
TAG, REFERENCE = "date", "date before "


class Date(Single):
    """A day, or a moment to the second; `Feature.domain` names the parts that models read.

    Its parts stand among the numbers: days before `Feature.reference`, or since 1970 without one.
    """

    name = "date"
    block = Numeric.name
    dtype, missing = "string", ""

    def claims(self, values: pa.ChunkedArray) -> bool:
        """Whether cells are dates or times, or nearly all texts are dates in ISO 8601."""
        if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
            return True
        if not is_plain(values.type) or not pa.types.is_string(values.type):
            return False
        known = values.drop_null()
        dates = is_iso_date(known)
        there = pc.or_(dates, pc.is_in(known, pa.array(MISSING_NUMBERS)))
        return bool(pc.any(dates, min_count=0).as_py()) and pc.mean(there).as_py() >= MOSTLY_DATES

    def infer(self, name: str, values: pa.ChunkedArray, declared: bool) -> Feature | str:
        """The feature with those parts that are not all alike; a column of one date is left out."""
        stamps, _ = self.cast(values, Feature(name, self.name))
        known = stamps.drop_null()
        distinct = pc.count_distinct(known).as_py()
        if not declared and distinct <= 1:
            return "constant" if distinct else "empty"
        found = {
            MONTH: pc.month(known),
            DAY: pc.day(known),
            WEEKDAY: pc.day_of_week(known),
            HOUR: pc.hour(known),
        }
        varying = [part for part, cells in found.items() if pc.count_distinct(cells).as_py() > 1]
        return Feature(name, self.name, (DAYS, *varying))

    def width(self, feature: Feature) -> int:
        """One a part."""
        return len(feature.domain)

    def seen_from(self, feature: Feature, reference: str | None) -> Feature:
        """Days before the reference; the reference itself is read for its place in the calendar."""
        if reference == feature.name:
            return replace(feature, domain=tuple(part for part in feature.domain if part != DAYS))
        return replace(feature, reference=reference or "")

    def cast(self, values: pa.ChunkedArray, feature: Feature) -> tuple[pa.ChunkedArray, list[Problem]]:
        """Cells as microseconds, in UTC where they name a zone; texts that are no dates are a problem."""
        nothing = pa.nulls(len(values), pa.timestamp("us"))
        name = feature.name
        if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
            return _stamps(values), []
        if not pa.types.is_string(values.type):
            message = f"the column '{name}' holds {values.type}, not dates"
            return pa.chunked_array([nothing]), [Problem("not_dates", message, column=name)]
        texts = values.combine_chunks()
        missing = pc.is_in(texts, pa.array(MISSING_NUMBERS))
        texts = pc.if_else(missing, pa.nulls(len(texts), pa.string()), texts)
        wrong = pc.fill_null(pc.invert(is_iso_date(texts)), False)
        stamps = _parsed(pc.if_else(wrong, pa.nulls(len(texts), pa.string()), texts))
        rows = pc.indices_nonzero(pc.and_(pc.is_valid(texts), pc.is_null(stamps))).to_pylist()
        if not rows:
            return pa.chunked_array([stamps]), []
        examples = ", ".join(f"{place(row)}: '{values[row].as_py()}'" for row in rows[:SHOWN])
        more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
        problem = Problem(
            "text_in_date",
            f"the column '{name}' of dates holds other cells ({examples}{more})",
            "mend or empty them, or list the column under columns.categorical or columns.ignore",
            name,
            tuple(rows[:SHOWN]),
        )
        return pa.chunked_array([stamps]), [problem]

    def tells(self, values: pa.ChunkedArray, positive: np.ndarray) -> float:
        """As numbers."""
        return Numeric().tells(_days(values), positive)

    def numbers(self, values: pa.ChunkedArray) -> np.ndarray:
        """`(rows,)` days since 1970."""
        days: np.ndarray = _days(values).to_numpy(zero_copy_only=False)
        return days

    def on_axis(self, values: np.ndarray) -> np.ndarray:
        """`(rows,)` years."""
        stamps = pa.array([str(value) or None for value in values], pa.string())
        return 1970.0 + self.numbers(pa.chunked_array([_parsed(stamps)])) / DAYS_A_YEAR

    def write_schema(self, feature: Feature, item: schema_pb2.Feature) -> None:
        """One text a row, tagged with what is read of it."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        item.type = schema_pb2.BYTES
        item.value_count.min = item.value_count.max = 1
        item.annotation.tag.extend([TAG, *feature.domain])
        if feature.reference:
            item.annotation.tag.append(f"{REFERENCE}{feature.reference}")

    def read_schema(self, item: schema_pb2.Feature, domain: tuple[str, ...]) -> Feature | None:
        """A text that is tagged as a date."""
        del domain
        tags = list(item.annotation.tag)
        if TAG not in tags:
            return None
        reference = next((tag.removeprefix(REFERENCE) for tag in tags if tag.startswith(REFERENCE)), "")
        return Feature(
            item.name, self.name, tuple(part for part in PARTS if part in tags), reference=reference
        )

    def array(self, values: pa.ChunkedArray) -> np.ndarray:
        """`(rows,)` texts in ISO 8601, empty for missing."""
        return np.array(date_texts(values).fill_null("").to_pylist(), dtype=object)


def date_texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Microseconds in ISO 8601: days alone where none has a time of day."""
    whole = pc.equal(pc.floor_temporal(values, unit="day"), values)
    form = "%Y-%m-%d" if pc.all(whole, min_count=0).as_py() else "%Y-%m-%d %H:%M:%S"
    return pc.strftime(pc.floor_temporal(values, unit="second").cast(pa.timestamp("s")), form)


def _stamps(values: pa.ChunkedArray) -> pa.ChunkedArray:
    zoned = pa.types.is_timestamp(values.type) and values.type.tz
    return values.cast(pa.timestamp("us", "UTC" if zoned else None), safe=False).cast(pa.timestamp("us"))


def _parsed(texts: pa.Array) -> pa.Array:
    """Texts in ISO 8601 as microseconds; null where the calendar has no such day."""
    import polars as pl

    series = pl.Series("text", pl.from_arrow(texts), dtype=pl.String)
    zone = series.str.extract(r"(?:Z|UTC|([+-]\d{2}:?\d{2}))$", 1).str.replace(":", "")
    bare = series.str.replace(r" ?(?:Z|UTC|[+-]\d{2}:?\d{2})$", "")
    bare = pl.select(
        pl.when(series.str.len_bytes() <= len("2025-12-31")).then(series).otherwise(bare)
    ).to_series()
    moments = bare.str.replace("T", " ")
    moments = pl.select(
        pl.when(moments.str.len_bytes() == len("2025-12-31"))
        .then(moments + " 00:00:00")
        .when(moments.str.len_bytes() == len("2025-12-31 23:59"))
        .then(moments + ":00")
        .otherwise(moments)
    ).to_series()
    stamps = moments.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    east = pl.select(pl.when(series.str.len_bytes() > len("2025-12-31")).then(zone)).to_series()
    sign = east.str.starts_with("-").cast(pl.Int64) * -2 + 1
    minutes = east.str.slice(1, 2).cast(pl.Int64) * 60 + east.str.slice(3, 2).cast(pl.Int64)
    shifted = stamps.cast(pl.Int64) - (sign * minutes * 60_000_000).fill_null(0)
    return shifted.to_arrow().cast(pa.int64()).cast(pa.timestamp("us"))


def _days(values: pa.ChunkedArray) -> pa.ChunkedArray:
    # Of the year 9999 there are more microseconds than a float counts.
    return pc.divide(values.cast(pa.int64()).cast(pa.float64(), safe=False), float(MICROSECONDS_A_DAY))
