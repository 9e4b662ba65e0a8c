"""Grids of time: found out, laid, and what the calendar says."""

import numpy as np
import pytest

from solutionkit.modalities.series.frequency import Frequency, declared, found, laid


def stamps(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[us]").astype(np.int64)


def grid(times: np.ndarray, steps: bool = False) -> Frequency:
    frequency = found(times, np.diff(times), steps)
    assert frequency is not None
    return laid(frequency, times)


@pytest.mark.parametrize(
    ("texts", "words", "seasons"),
    [
        (("2024-01-01T00:00", "2024-01-01T00:15", "2024-01-01T00:30"), "every 15 minutes", (96, 672)),
        (("2024-01-01T05:00", "2024-01-01T06:00", "2024-01-01T07:00"), "every hour", (24, 168)),
        (("2024-02-28", "2024-02-29", "2024-03-01"), "every day", (7, 364)),
        (("2024-01-01", "2024-01-08", "2024-01-15"), "every week", (52,)),
        (("2024-01-31", "2024-02-29", "2024-03-31"), "every month", (12,)),
        (("2024-01-01", "2024-04-01", "2024-07-01"), "every quarter", (4,)),
        (("2022-06-30", "2023-06-30", "2024-06-30"), "every year", (1,)),
    ],
)
def test_what_is_usual_is_found_out(texts: tuple[str, ...], words: str, seasons: tuple[int, ...]) -> None:
    times = stamps(*texts)
    frequency = grid(times)
    assert (frequency.in_words, frequency.seasons) == (words, seasons)
    index, off = frequency.index(times)
    assert not off.any()
    assert index.tolist() == list(range(index[0], index[0] + 3))
    assert (frequency.times(index) == times).all()
    assert Frequency.read(frequency.text) == frequency


def test_numbers_are_steps() -> None:
    frequency = grid(np.array([10, 20, 30]), steps=True)
    assert frequency.unit == (10, "step")
    assert frequency.index(np.array([40, 45]))[1].tolist() == [False, True]
    assert frequency.calendar_names == {}


def test_gaps_do_not_hide_the_usual_step() -> None:
    days = stamps("2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06", "2024-01-07")
    assert grid(days).unit == (1, "D")


def test_irregular_times_have_no_frequency() -> None:
    random = np.random.default_rng(0)
    times = np.cumsum(random.integers(1, 10**9, 50))
    assert found(times, np.diff(times), steps=False) is None


def test_a_time_between_two_steps_is_off_the_grid() -> None:
    frequency = grid(stamps("2024-01-01", "2024-01-02", "2024-01-03"))
    assert frequency.index(stamps("2024-01-04T06:00"))[1].all()
    months = grid(stamps("2024-01-31", "2024-02-29", "2024-03-31"))
    assert months.index(stamps("2024-04-30", "2024-05-30"))[1].tolist() == [False, True]


def test_calendar() -> None:
    hours = grid(stamps("2024-02-29T22:30", "2024-02-29T23:30", "2024-03-01T00:30"))
    said = hours.calendar(hours.index(stamps("2024-02-29T23:30"))[0])
    assert {name: values.tolist() for name, values in said.items()} == {
        "hour": [23.5],
        "weekday": [3.0],
        "yearday": [59.0],
    }
    days = grid(stamps("2024-03-01", "2024-03-02", "2024-03-03"))
    assert days.calendar(days.index(stamps("2024-03-31"))[0])["day"].tolist() == [30.0]


@pytest.mark.parametrize("text", ["", "0h", "1fortnight", "h1", "-1D"])
def test_what_means_nothing_is_no_frequency(text: str) -> None:
    assert declared(text) is None


def test_what_is_declared_is_read() -> None:
    read = declared("15min")
    assert read is not None
    assert read.unit == (15, "min")
    quarter = declared("Q")
    assert quarter is not None
    assert quarter.unit == (1, "Q")
