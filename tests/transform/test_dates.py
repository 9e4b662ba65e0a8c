from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.kinds import Feature
from solutionkit.kinds.date import PARTS, Date
from solutionkit.transform.dates import calendar_day, month_and_day, parts

FEATURE = Feature("since", "date", PARTS)


def read(texts: list[str], feature: Feature = FEATURE, reference: list[str] | None = None) -> np.ndarray:
    seen_from = None if reference is None else tf.constant(reference)
    return np.stack(parts(tf.constant(texts), feature, seen_from), axis=1)


def test_the_graph_knows_the_calendar() -> None:
    random = np.random.default_rng(0)
    days = [date(1583, 1, 1) + timedelta(days=int(day)) for day in random.integers(0, 300_000, 2000)]
    found = calendar_day(tf.constant([day.isoformat() for day in days])).numpy()
    assert found.tolist() == [(day - date(1970, 1, 1)).days for day in days]
    months, in_month = month_and_day(tf.constant(found))
    assert months.numpy().tolist() == [day.month for day in days]
    assert in_month.numpy().tolist() == [day.day for day in days]
    weekdays = read([day.isoformat() for day in days])[:, PARTS.index("weekday")]
    assert weekdays.tolist() == [day.weekday() for day in days]


def test_parts_of_dates() -> None:
    found = read(["1970-01-02", "2025-12-31 18:30:15", "2025-12-31T06:00", "", "31.12.2025"])
    assert found[0].tolist() == [1.0, 1.0, 2.0, 4.0, 0.0]
    assert found[1].tolist() == [np.float32(20453 + (18.5 + 15 / 3600) / 24), 12.0, 31.0, 2.0, 18.0]
    assert found[2].tolist() == [20453.25, 12.0, 31.0, 2.0, 6.0]
    assert np.isnan(found[3:]).all()


def test_days_before_a_reference() -> None:
    feature = Feature("since", "date", ("days",), reference="snapshot")
    found = read(["2025-01-01", "2025-03-01", "2025-01-01"], feature, ["2025-02-01 12:00", "2025-02-01", ""])
    assert found[:2, 0].tolist() == [31.5, -28.0]
    assert np.isnan(found[2, 0])


def test_the_graph_reads_what_python_reads() -> None:
    texts = [
        "2025-06-01T00:30:00+02:00",
        "2025-06-01 00:30-0330",
        "2024-12-31 23:59:59.5 Z",
        "2025-02-28",
        "1900-03-01 00:00",
        "2025-02-30",
        "2025-13-01",
        "2025-01-01 24:00",
        "soon",
    ]
    feature = Feature("since", "date", PARTS)
    cells = pa.chunked_array([pa.array(texts)])
    stored = Date().array(Date().cast(cells, feature)[0])
    first, second = read(texts), read(list(stored))
    assert np.allclose(first[:, 1:], second[:, 1:], equal_nan=True)
    # Python keeps seconds.
    assert np.allclose(first[:, 0], second[:, 0], atol=1e-3, equal_nan=True)
    assert np.isnan(first[5:]).all()
    assert not np.isnan(first[:5]).any()
