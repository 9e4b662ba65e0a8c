"""Texts that are dates, with a time of day or without -> ISO 8601."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import is_iso_date

NO_DATE = ["0000-00-00", "0000-00-00 00:00:00", "00.00.0000", "00/00/0000"]
TIME_OF_DAY = r"(?:(?:[ T]|, ?)(\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)( ?[AaPp][Mm])?)?"
MONTHS = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# Of dates that are not read, too: in words of any language, packed, or with a zone.
DATE_LIKE = (
    r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*|(?:\pL{2,9}\.?,? )?\d{1,2}[. -]+\pL{3,9}[. -]+\d{2,4}.*"
    r"|\pL{3,9}\.? (?:\d{1,2},? )?\d{4}.*|\d{8}T\d{4,6}.*"
)
# How dates look, and the formats that may be meant.
SHAPES: dict[str, tuple[str, ...]] = {
    r"\d{4}-\d{1,2}-\d{1,2}": ("%Y-%m-%d",),
    r"\d{4}/\d{1,2}/\d{1,2}": ("%Y/%m/%d",),
    r"\d{4}\.\d{1,2}\.\d{1,2}": ("%Y.%m.%d",),
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y",),
    r"\d{1,2}\.\d{1,2}\.\d{2}": ("%d.%m.%y",),
    r"\d{1,2}/\d{1,2}/\d{4}": ("%d/%m/%Y", "%m/%d/%Y"),
    r"\d{1,2}/\d{1,2}/\d{2}": ("%d/%m/%y", "%m/%d/%y"),
    r"\d{1,2}-\d{1,2}-\d{4}": ("%d-%m-%Y", "%m-%d-%Y"),
    r"\d{1,2}-\d{1,2}-\d{2}": ("%d-%m-%y", "%m-%d-%y", "%y-%m-%d"),
    rf"\d{{1,2}}-(?i:{MONTHS})-\d{{4}}": ("%d-%b-%Y",),
    rf"\d{{1,2}}-(?i:{MONTHS})-\d{{2}}": ("%d-%b-%y",),
    rf"\d{{1,2}} (?i:{MONTHS}) \d{{4}}": ("%d %b %Y",),
    rf"(?i:{MONTHS}) \d{{1,2}}, \d{{4}}": ("%b %d, %Y",),
}


def date_like(known: pa.ChunkedArray, share: float) -> bool:
    """Whether so many texts look like dates that are not written in ISO 8601."""
    return shape_of(known, share) is not None


def shape_of(known: pa.ChunkedArray, share: float) -> str | None:
    """How texts look, if so many look like dates; None where they are in ISO 8601 already."""
    if pc.sum(is_iso_date(known)).as_py() >= share * len(known):
        return None
    for shape in SHAPES:
        like = pc.match_substring_regex(known, f"^{shape}{TIME_OF_DAY}$")
        if pc.sum(like).as_py() >= share * len(known):
            return shape
    return None


@dataclass(frozen=True)
class Candidates:
    """Formats that texts may be written in.

    Attributes:
        formats: In the letters of `strptime`.
        alike: Whether all of them read the texts alike, so that they show nothing of other texts.
    """

    formats: tuple[str, ...] = ()
    alike: bool = False


def candidates(known: pa.ChunkedArray, declared: str | None, share: float) -> Candidates:
    """The formats by which most texts can be read.

    Args:
        known: The texts.
        declared: The format that is declared, if one is; it is taken where it fits.
        share: Of the texts, how many a format must read.
    """
    if declared:
        read = parsed(known, declared)
        if len(read) - read.null_count >= share * len(read):
            return Candidates((declared,))
    shape = shape_of(known, share)
    readings = {item: parsed(known, item) for item in SHAPES[shape]} if shape else {}
    fewest = min((item.null_count for item in readings.values()), default=0)
    best = tuple(name for name, item in readings.items() if item.null_count == fewest)
    alike = len(best) > 1 and all(readings[best[0]].equals(readings[name]) for name in best)
    return Candidates(best, alike)


def parsed(values: pa.ChunkedArray, form: str) -> pa.ChunkedArray:
    """Texts in ISO 8601, null where they are no dates: days alone, or with times where one has a time.

    Args:
        values: Texts.
        form: How days are written, in the letters of `strptime`; a time of day may follow, unless it says so.
    """
    encoded = values.combine_chunks().dictionary_encode()
    distinct = _parsed(pl.Series("text", pl.from_arrow(encoded.dictionary), dtype=pl.String), form)
    return pa.chunked_array([distinct.take(encoded.indices)])


def _parsed(series: pl.Series, form: str) -> pa.Array:
    if any(letter in form for letter in ("%H", "%I", "%T", "%s")):
        stamps = series.str.to_datetime(form, time_unit="us", strict=False)
        return _as_text(stamps, stamps.is_not_null())
    frame = pl.DataFrame({"text": series}).select(
        day=pl.col("text").str.replace(f"{TIME_OF_DAY}$", ""),
        time=pl.col("text").str.extract(f"{TIME_OF_DAY}$", 1),
        half=pl.col("text").str.extract(f"{TIME_OF_DAY}$", 2).str.strip_chars(),
    )
    time = pl.col("time").fill_null("0:00")
    time = pl.when(time.str.count_matches(":") == 1).then(time + ":00").otherwise(time)
    text = pl.col("day") + " " + time
    halved = pl.concat_str([text, pl.lit(" "), pl.col("half").str.to_uppercase()])
    stamps = frame.select(
        pl.when(pl.col("half").is_null())
        .then(text.str.to_datetime(f"{form} %H:%M:%S%.f", time_unit="us", strict=False))
        .otherwise(halved.str.to_datetime(f"{form} %I:%M:%S%.f %p", time_unit="us", strict=False))
    ).to_series()
    return _as_text(stamps, frame["time"].is_not_null())


def _as_text(stamps: pl.Series, timed: pl.Series) -> pa.Array:
    form = "%Y-%m-%d %H:%M:%S%.f" if (timed & stamps.is_not_null()).any() else "%Y-%m-%d"
    return stamps.dt.strftime(form).to_arrow().cast(pa.string())
