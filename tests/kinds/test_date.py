from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.kinds import Feature, claiming, kind_of
from solutionkit.kinds.date import Date, date_texts

FEATURE = Feature("since", "date", ("days", "month"))


def column(*cells: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(cells, pa.string())])


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2025-12-31", datetime(2025, 12, 31)),
        ("2024-02-29 13:45", datetime(2024, 2, 29, 13, 45)),
        ("2023-06-01T12:00:00+02:00", datetime(2023, 6, 1, 10)),
        ("2023-01-01T00:00:00Z", datetime(2023, 1, 1)),
        ("1899-12-30 00:00:00.250", datetime(1899, 12, 30, 0, 0, 0, 250_000)),
        ("-", None),
        (None, None),
    ],
)
def test_texts_become_moments(cell: str | None, moment: datetime | None) -> None:
    found, problems = Date().cast(column(cell, "2020-01-01"), FEATURE)
    assert not problems
    assert found[0].as_py() == moment


def test_cells_that_are_no_dates_are_named() -> None:
    found, (problem,) = Date().cast(column("2025-02-30", "soon", "2025-01-01"), FEATURE)
    assert found.to_pylist() == [None, None, datetime(2025, 1, 1)]
    assert "'since' of dates holds other cells (row 1: '2025-02-30', row 2: 'soon')" in problem.message


def test_numbers_are_no_dates() -> None:
    _, (problem,) = Date().cast(pa.chunked_array([[1.5]]), FEATURE)
    assert "holds double, not dates" in problem.message


def test_typed_dates_keep_their_zone_out() -> None:
    stamps = pa.chunked_array([pa.array([datetime(2025, 1, 1, 12)], pa.timestamp("ns", "Europe/Berlin"))])
    assert Date().cast(stamps, FEATURE)[0].to_pylist() == [datetime(2025, 1, 1, 12)]
    days = pa.chunked_array([pa.array([date(2025, 1, 1)], pa.date32())])
    assert Date().cast(days, FEATURE)[0].to_pylist() == [datetime(2025, 1, 1)]


def test_parts_that_never_change_are_not_read() -> None:
    kind = Date()
    assert kind.infer("x", column("2025-01-06", "2024-01-08", None), False) == Feature(
        "x", "date", ("days", "day")
    )
    timed = kind.infer("x", column("2025-01-01 08:00", "2024-02-03 17:00"), False)
    assert isinstance(timed, Feature)
    assert timed.domain == ("days", "month", "day", "weekday", "hour")
    assert kind.infer("x", column("2025-01-01", "2025-01-01"), False) == "constant"
    assert kind.infer("x", column("2025-01-01"), True) == Feature("x", "date", ("days",))


def test_a_reference_is_read_for_its_place_in_the_calendar() -> None:
    kind = kind_of(FEATURE)
    assert kind.seen_from(FEATURE, "snapshot").reference == "snapshot"
    assert kind.seen_from(FEATURE, "since").domain == ("month",)
    assert kind.seen_from(FEATURE, None) == FEATURE


def test_a_column_is_claimed_where_most_cells_are_dates() -> None:
    def claimed(cells: pa.ChunkedArray) -> str | None:
        kind = claiming(cells)
        return kind.name if kind else None

    assert claimed(column(*["2025-01-01"] * 9, "soon")) == "date"
    assert claimed(column(*["2025-01-01"] * 8, "soon", "later")) == "categorical"
    assert claimed(column("-", None)) != "date"


def test_what_moves_with_time_orders_rows() -> None:
    stamps = Date().cast(column("2025-01-03", "2025-01-01", None, "2025-01-02"), FEATURE)[0]
    assert Date().numbers(stamps)[[0, 1, 3]].tolist() == [20091.0, 20089.0, 20090.0]
    assert Date().tells(stamps, np.array([True, False, False, True])) == 1.0


def test_the_ends_of_time_are_dates() -> None:
    stamps, problems = Date().cast(column("9999-12-31", "0001-01-01"), FEATURE)
    assert not problems
    assert Date().numbers(stamps).tolist() == [2932896.0, -719162.0]


def test_times_of_day_are_written_where_there_are_some() -> None:
    whole, timed = datetime(2025, 1, 1), datetime(2025, 1, 1, 1, 2, 3)
    assert date_texts(pa.chunked_array([pa.array([whole], pa.timestamp("us"))])).to_pylist() == ["2025-01-01"]
    both = date_texts(pa.chunked_array([pa.array([whole, timed], pa.timestamp("us"))])).to_pylist()
    assert both == ["2025-01-01 00:00:00", "2025-01-01 01:02:03"]


def test_a_chart_shows_years() -> None:
    found = Date().on_axis(np.array(["2025-07-02", "", "1970-01-01"], object))
    assert found[0] == pytest.approx(2025.5, abs=0.01)
    assert np.isnan(found[1])
    assert found[2] == 1970.0
