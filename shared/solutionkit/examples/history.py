"""Rows with a history: raw rows -> events -> computed columns beside them, for training and for serving."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.declaration import Declaration, History, span
from solutionkit.errors import DataError
from solutionkit.examples.columns import as_text
from solutionkit.examples.conform import to_numbers
from solutionkit.examples.labels import canonical, label_classes
from solutionkit.examples.reading import joined, read_table
from solutionkit.examples.rolling import AMOUNT, CARD, MERCHANT, POSITIVE, TIME
from solutionkit.examples.times import microseconds

# `(events, history, label delay) -> computed columns`, see `rolling.rolling_features`.
Features = Callable[[pa.Table, History, timedelta], pa.Table]


def history_problems(raw: pa.Table, declaration: Declaration, source: str) -> list[str]:
    """Why no history can be computed of raw rows: cells that are no times or no amounts."""
    try:
        to_events(raw, declaration, source)
    except DataError as error:
        return error.problems
    return []


def to_events(raw: pa.Table, declaration: Declaration, source: str) -> pa.Table:
    """Raw rows as events (see `rolling.rolling_features`), with all other columns beside.

    A label that is missing is one that is not known yet.

    Raises:
        DataError: A column is missing, or cells are no times or no amounts.
    """
    columns = declaration.columns
    parts = {CARD: columns.card, AMOUNT: columns.amount}
    if columns.merchant:
        parts[MERCHANT] = columns.merchant
    missing = [
        f"the column '{name}' (columns.{part}) is missing"
        for part, name in parts.items()
        if name not in raw.column_names
    ]
    if missing:
        raise DataError(source, missing)
    assert columns.time
    assert columns.card
    assert columns.amount
    amounts, problems = to_numbers(raw[columns.amount], columns.amount)
    if problems:
        raise DataError(source, problems)
    stamps = pa.array(microseconds(raw, columns.time, source)).cast(pa.timestamp("us"))
    events = {TIME: stamps, CARD: as_text(raw[columns.card]), AMOUNT: amounts}
    if columns.merchant:
        events[MERCHANT] = as_text(raw[columns.merchant])
    events[POSITIVE] = _positive(raw, declaration)
    beside = {name: raw[name] for name in raw.column_names if name not in events}
    return pa.table({**events, **beside})


def _positive(raw: pa.Table, declaration: Declaration) -> pa.Array:
    """`(rows,)` 1 where the label is any but the negative one, null where it is not known."""
    label = declaration.columns.label
    if label not in raw.column_names:
        return pa.nulls(raw.num_rows, pa.float64())
    values = as_text(raw[label]).combine_chunks()
    classes, _, problems = label_classes(pa.chunked_array([values]), declaration.columns, several=False)
    if problems:
        # Rows to predict on may hold one class, or none; what is positive must be declared then.
        positive = declaration.columns.positive
        known = {value: canonical(value) for value in pc.unique(values.drop_null()).to_pylist()}
        wanted = {"1", "yes", "true"} if positive is None else {canonical(str(positive))}
        positives = [value for value, text in known.items() if text in wanted]
    else:
        positives = list(classes[1:])
    found = pc.is_in(values, pa.array(positives, pa.string())).cast(pa.float64())
    return pc.if_else(pc.is_valid(values), found, pa.scalar(None, pa.float64()))


def with_history(raw: pa.Table, declaration: Declaration, features: Features, source: str) -> pa.Table:
    """Raw rows with the computed columns beside.

    Raises:
        DataError: No history can be computed, or a computed column has the name of a raw one.
    """
    assert declaration.history is not None
    delay = span(declaration.data.label_delay)
    computed = features(to_events(raw, declaration, source), declaration.history, delay)
    doubled = sorted(set(computed.column_names) & set(raw.column_names))
    if doubled:
        raise DataError(
            source,
            [
                f"the column '{name}' has the name of a computed one; rename it, or remove [history]"
                for name in doubled
            ],
        )
    if computed.num_rows != raw.num_rows:
        raise DataError(source, [f"{computed.num_rows} rows were computed of {raw.num_rows}"])
    for name in computed.column_names:
        raw = raw.append_column(name, computed[name])
    # Arrow 18 crashes where it filters lists beside columns that are cut into other chunks.
    return raw.combine_chunks()


class KnownRows:
    """Rows known so far, to compute the history of new ones by the same function as in training.

    Args:
        rows: Raw rows, with labels where they are known.
        declaration: What the columns are.
        features: The function that computes the columns.
    """

    def __init__(self, rows: pa.Table, declaration: Declaration, features: Features) -> None:
        self._rows, self._declaration, self._features = rows, declaration, features

    @classmethod
    def of(cls, declaration: Declaration, features: Features) -> KnownRows:
        """The rows that the declaration's data holds."""
        data = declaration.data
        paths = [data.path] if data.path else [data.train, data.eval]
        tables = [read_table(path) for path in paths if path]
        names = tables[0].column_names
        return cls(joined([table.select(names) for table in tables], str(paths[0])), declaration, features)

    def features(self, new: pa.Table, source: str = "the new rows") -> pa.Table:
        """New raw rows with the computed columns beside.

        Known rows of other cards and merchants have no say and are left out, as are those that are among the
        new ones (by the id, else by time, card, merchant and amount). So one row is answered in milliseconds.

        Raises:
            DataError: A column is missing, or cells are no times or no amounts.
        """
        columns = self._declaration.columns
        to_events(new, self._declaration, source)
        known = self._rows
        same = pc.is_in(as_text(known[columns.card]), pc.unique(as_text(new[columns.card]).combine_chunks()))
        if columns.merchant:
            there = pc.unique(as_text(new[columns.merchant]).combine_chunks())
            same = pc.or_kleene(same, pc.is_in(as_text(known[columns.merchant]), there))
        known = known.filter(pc.fill_null(same, False))
        wanted = [columns.time, columns.card, columns.merchant, columns.amount, columns.label, columns.id]
        names = [name for name in wanted if name and name in known.column_names]
        keys = [columns.id] if columns.id in new.column_names and columns.id in names else names
        keys = [name for name in keys if name != columns.label and name in new.column_names]
        seen = set(zip(*(as_text(new[name]).to_pylist() for name in keys), strict=True))
        rows = zip(*(as_text(known[name]).to_pylist() for name in keys), strict=True)
        before = known.select(names).filter(pa.array([row not in seen for row in rows], pa.bool_()))
        texts = [_as_texts(table, names) for table in (before, new)]
        both = with_history(joined(texts, source), self._declaration, self._features, source)
        computed = [name for name in both.column_names if name not in names]
        for name in computed:
            new = new.append_column(name, both[name].slice(before.num_rows))
        return new


def _as_texts(table: pa.Table, names: list[str]) -> pa.Table:
    """Columns as text, so that rows of a CSV and of a Parquet file go together; null where there are none."""
    return pa.table(
        {
            name: as_text(table[name])
            if name in table.column_names
            else pa.nulls(table.num_rows, pa.string())
            for name in names
        }
    )
