"""Bad histories: each one clear error or a stated repair."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.errors import DataError
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.panel import Panel, Reading, read_panel

DAYS = [f"2024-03-{day:02d}" for day in range(1, 11)]
LAYOUT = Layout(("item",), "ds", "y")


def rows(**changed: Any) -> pa.Table:
    columns = {"item": ["a"] * 10, "ds": DAYS, "y": [str(value) for value in range(10)]}
    return pa.table({**columns, **changed})


def read(table: pa.Table, layout: Layout = LAYOUT, frequency: str | None = None) -> Reading:
    return read_panel(table, layout, "sales.csv", frequency)


def panel_of(reading: Reading) -> Panel:
    assert reading.panel is not None, reading.problems
    return reading.panel


def told(reading: Reading) -> tuple[str, str]:
    assert reading.panel is None
    (problem,) = reading.problems
    return problem.code, str(problem)


def test_rows_in_any_order_are_laid_on_a_grid() -> None:
    order = pa.array(np.random.default_rng(0).permutation(10))
    panel = panel_of(read(rows().take(order)))
    assert panel.values.tolist() == list(range(10))
    assert panel.ends.tolist() == [10]


def test_a_gap_is_not_known_and_said_so() -> None:
    reading = read(rows().take(pa.array([0, 1, 2, 5, 6, 7, 8, 9])))
    panel = panel_of(reading)
    assert np.isnan(panel.values[3:5]).all()
    assert "2 steps within series have no row" in reading.notes[0]


def test_a_gap_is_zero_where_that_is_declared() -> None:
    layout = Layout(("item",), "ds", "y", zero_gaps=True)
    reading = read(rows().take(pa.array([0, 1, 2, 5, 6])), layout)
    assert panel_of(reading).values.tolist() == [0, 1, 2, 0, 0, 5, 6]
    assert "count as zero" in reading.notes[0]


def test_empty_cells_before_the_end_are_gaps_and_after_it_to_come() -> None:
    values = ["1", None, "3", "4", "5", "6", "7", None, None, None]
    reading = read(rows(y=values))
    panel = panel_of(reading)
    assert panel.ends.tolist() == [7]
    assert len(panel.values) == 10
    assert "empty in 1 rows" in reading.notes[0]


def test_what_stands_before_the_first_value_is_left_out() -> None:
    panel = panel_of(read(rows(y=[None, None, *map(str, range(8))])))
    assert panel.values.tolist() == list(range(8))


def test_rows_twice_are_refused() -> None:
    code, message = told(read(pa.concat_tables([rows(), rows().slice(3, 2)])))
    assert code == "duplicates"
    assert "2 rows have the series and time of another row (row 11, row 12)" in message
    assert "forecast.duplicates" in message


@pytest.mark.parametrize(("how", "value"), [("sum", 6.0), ("mean", 3.0)])
def test_rows_twice_are_made_one_where_that_is_declared(how: str, value: float) -> None:
    layout = Layout(("item",), "ds", "y", duplicates=how)
    reading = read(pa.concat_tables([rows(), rows().slice(3, 1)]), layout)
    assert panel_of(reading).values[3] == value
    assert "1 rows of a series and time" in reading.notes[0]


def test_the_hour_that_clocks_show_twice_is_averaged() -> None:
    hours = [f"2024-10-27 {hour:02d}:00" for hour in (0, 1, 2, 2, 3, 4, 5)]
    table = pa.table({"item": ["a"] * 7, "ds": hours, "y": ["1", "1", "2", "4", "1", "1", "1"]})
    reading = read(table)
    assert panel_of(reading).values[2] == 3.0
    assert "the clock went back" in reading.notes[0]


def test_the_hour_that_clocks_leave_out_is_a_gap() -> None:
    hours = [f"2024-03-31 {hour:02d}:00" for hour in (0, 1, 3, 4, 5)]
    table = pa.table({"item": ["a"] * 5, "ds": hours, "y": ["1"] * 5})
    assert np.isnan(panel_of(read(table)).values).tolist() == [False, False, True, False, False, False]


def test_times_with_zones_are_those_of_the_clock() -> None:
    """Days of a place with summer time are days, although their midnights lie 23 hours apart once."""
    days = ["2024-03-30", "2024-03-31", "2024-04-01", "2024-04-02"]
    offsets = ["+01:00", "+01:00", "+02:00", "+02:00"]
    times = [f"{day}T00:00:00{offset}" for day, offset in zip(days, offsets, strict=True)]
    panel = panel_of(read(pa.table({"item": ["a"] * 4, "ds": times, "y": ["1"] * 4})))
    assert panel.frequency.in_words == "every day"
    assert panel.frequency.texts(panel.first).tolist() == ["2024-03-30"]
    typed = pa.array(["2024-03-29T23:00", "2024-03-30T23:00", "2024-03-31T22:00"]).cast(pa.timestamp("us"))
    zoned = typed.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "Europe/Berlin"))
    panel = panel_of(read(pa.table({"item": ["a"] * 3, "ds": zoned, "y": ["1"] * 3})))
    assert panel.frequency.texts(panel.first).tolist() == ["2024-03-30"]


def test_the_hour_that_a_zone_leaves_out_is_a_gap() -> None:
    times = [
        "2024-03-31T00:00+01:00",
        "2024-03-31T01:00+01:00",
        "2024-03-31T03:00+02:00",
        "2024-03-31T04:00+02:00",
    ]
    panel = panel_of(read(pa.table({"item": ["a"] * 4, "ds": times, "y": ["1"] * 4})))
    assert np.isnan(panel.values).tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("step", [1, 7])
def test_a_sunday_twice_is_no_clock_that_went_back(step: int) -> None:
    sundays = np.datetime64("2023-09-03") + step * np.arange(10)
    table = rows(ds=np.datetime_as_string(sundays))
    code, _ = told(read(pa.concat_tables([table, table.slice(0, 1)])))
    assert code == "duplicates"


@pytest.mark.parametrize("style", ["%Y%m%d", "%Y%m"])
def test_dates_written_as_one_number_are_refused(style: str) -> None:
    step = "D" if "d" in style else "M"
    dates = (
        (np.datetime64("2023-11") + np.arange(10)).astype("datetime64[D]")
        if step == "M"
        else np.datetime64("2023-12-28") + np.arange(10)
    )
    numbers = [date.strftime(style) for date in dates.tolist()]
    with pytest.raises(DataError, match="dates written as one number"):
        read(rows(ds=numbers))


def test_nothing_was_sold_at_a_series_end_either() -> None:
    """Else each series would end with a sale, and its last target be chosen by what it is."""
    layout = Layout(("item",), "ds", "y", zero_gaps=True)
    table = pa.table(
        {
            "item": ["a", "a", "b", "b"],
            "ds": ["2024-03-01", "2024-03-03", "2024-03-01", "2024-03-06"],
            "y": ["1"] * 4,
        }
    )
    panel = panel_of(read(table, layout, "1D"))
    assert panel.ends.tolist() == [6, 6]
    assert panel.values[:6].tolist() == [1, 0, 1, 0, 0, 0]


def test_every_fourth_week_is_no_month() -> None:
    dates = np.datetime_as_string(np.datetime64("2023-01-02") + 28 * np.arange(10))
    assert panel_of(read(rows(ds=dates))).frequency.unit == (4, "W")


def test_truth_values_are_spelled_alike_whatever_the_file() -> None:
    layout = Layout(("item",), "ds", "y", known=("open",))
    typed = panel_of(read(rows(open=[True, False] * 5), layout))
    written = panel_of(read(rows(open=["True", "False"] * 5), layout))
    assert typed.known_names == written.known_names
    assert (typed.known == written.known).all()


def test_a_static_cell_that_is_empty_hides_no_other() -> None:
    layout = Layout(("item",), "ds", "y", static=("kind",))
    panel = panel_of(read(rows(kind=[None, *["x"] * 9]), layout))
    assert panel.static["kind"].to_pylist() == ["x"]
    assert told(read(rows(kind=[None, *["x"] * 5, *["w"] * 4]), layout))[0] == "not_static"


def test_a_time_off_the_grid_is_named() -> None:
    code, message = told(read(rows(ds=[*DAYS[:9], "2024-03-10 07:30"])))
    assert code == "irregular_times"
    assert "row 10" in message
    assert "forecast.frequency" in message


def test_irregular_times_are_refused() -> None:
    minutes = np.cumsum([3, 17, 5, 41, 2, 29, 11, 7, 13, 19])
    times = [f"2024-03-01 {minute // 60:02d}:{minute % 60:02d}" for minute in minutes]
    assert told(read(rows(ds=times)))[0] == "no_frequency"


def test_a_frequency_that_means_nothing_is_refused() -> None:
    code, message = told(read(rows(), frequency="fortnightly"))
    assert code == "bad_frequency"
    assert "1D" in message


def test_a_year_that_is_far_off_is_refused_before_memory_is_taken() -> None:
    code, message = told(read(rows(ds=[*DAYS[:9], "9024-03-10"])))
    assert code == "mostly_gaps"
    assert "steps" in message


def test_text_among_numbers_names_the_row() -> None:
    code, message = told(read(rows(y=["1", "many", *map(str, range(8))])))
    assert "row 2" in message
    assert code


def test_a_covariate_that_holds_text_names_the_row_of_the_file() -> None:
    prices = ["1.5"] * 19 + ["free"]
    table = pa.concat_tables([rows(item=["b"] * 10), rows()]).append_column("price", pa.array(prices))
    assert "row 20" in told(read(table, Layout(("item",), "ds", "y", known=("price",))))[1]


def test_steps_are_whole_numbers() -> None:
    with pytest.raises(DataError, match=r"not whole \(row 4\)"):
        read(rows(ds=["1", "2", "3", "4.5", *map(str, range(5, 11))]))


def test_a_step_that_is_far_off_is_named_among_many_rows() -> None:
    many = [rows(item=[f"s{number}"] * 10, ds=[str(step) for step in range(10)]) for number in range(500)]
    wrong = rows(item=["wrong"] * 10, ds=[*map(str, range(9)), "5000"])
    code, message = told(read(pa.concat_tables([*many, wrong])))
    assert code == "far_off"
    assert "row 5010" in message


def test_infinity_is_refused() -> None:
    table = pa.table({"item": ["a"] * 3, "ds": DAYS[:3], "y": [1.0, np.inf, 2.0]})
    assert told(read(table))[0] == "too_large"


def test_a_row_without_a_series_is_refused() -> None:
    code, message = told(read(rows(item=["a"] * 9 + [None])))
    assert code == "empty_cells"
    assert "row 10" in message


def test_names_of_several_columns_make_a_series() -> None:
    table = rows(item=["a"] * 5 + ["b"] * 5, ds=DAYS[:5] * 2, shop=["1"] * 10)
    panel = panel_of(read(table, Layout(("item", "shop"), "ds", "y")))
    assert panel.names.tolist() == ["a / 1", "b / 1"]


def test_a_static_column_that_changes_is_refused() -> None:
    code, message = told(read(rows(kind=["x"] * 9 + ["z"]), Layout(("item",), "ds", "y", static=("kind",))))
    assert code == "not_static"
    assert "row 10" in message


def test_covariates_carry_on_and_words_become_channels() -> None:
    table = rows(price=["2", None, "3", *["3"] * 7], event=["no"] * 8 + ["fair", "no"])
    panel = panel_of(read(table, Layout(("item",), "ds", "y", known=("price", "event"))))
    assert panel.known_names == ("price", "event = no", "event = fair")
    assert panel.known[:3, 0].tolist() == [2.0, 2.0, 3.0]
    assert panel.known[8].tolist() == [3.0, 0.0, 1.0]


def test_a_model_keeps_the_channels_that_it_knows() -> None:
    table = rows(event=["new"] * 10)
    layout = Layout(("item",), "ds", "y", known=("event",))
    reading = read_panel(table, layout, "new.csv", None, (("event = no", "event = fair"), ()))
    panel = panel_of(reading)
    assert panel.known_names == ("event = no", "event = fair")
    assert not panel.known.any()


def test_numbers_of_steps_are_no_times() -> None:
    panel = panel_of(read(rows(ds=[str(number) for number in range(40, 50)])))
    assert panel.frequency.kind == "step"
    assert panel.first.tolist() == [40]


def test_negative_values_stay() -> None:
    assert panel_of(read(rows(y=["-1", *map(str, range(9))]))).values[0] == -1.0
