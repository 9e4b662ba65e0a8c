from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.errors import DataError
from solutionkit.examples.times import microseconds

WANTED = int(np.datetime64("2026-03-29T01:30:00", "us").astype(np.int64))


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-29 01:30:00",
        "2026-03-29T01:30:00.000000",
        "2026-03-29 01:30:00.000000000",
        "2026-03-29T01:30:00Z",
        "2026-03-29 03:30:00+02:00",
        datetime(2026, 3, 29, 1, 30),
        str(WANTED // 1_000_000),
        WANTED / 1e6,
    ],
)
def test_one_moment_in_all_its_forms(cell: object) -> None:
    assert microseconds(pa.table({"t": [cell]}), "t", "x.csv").tolist() == [WANTED]


def test_dates_begin_at_midnight() -> None:
    wanted = int(np.datetime64("2026-03-29", "us").astype(np.int64))
    for cell in (date(2026, 3, 29), "2026-03-29"):
        assert microseconds(pa.table({"t": [cell]}), "t", "x.csv").tolist() == [wanted]


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["2026-01-01", "soon"], "soon"),
        (["2026-01-01", None], "empty in 1 rows (row 2"),
        ([True], "the time column 't'"),
        ([1.0, float("inf")], "not finite"),
        ([1.77e12], "divide milliseconds by 1,000"),
        (["1770000000000000"], "beyond the year 9999"),
    ],
)
def test_what_is_no_time_is_named(cells: list, says: str) -> None:
    with pytest.raises(DataError) as error:
        microseconds(pa.table({"t": cells}), "t", "x.csv")
    assert says in str(error.value)
    assert "x.csv" in str(error.value)
