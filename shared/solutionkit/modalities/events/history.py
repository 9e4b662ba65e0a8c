"""Rows with a history: raw rows -> events -> computed columns beside them, for training and for serving."""

from __future__ import annotations

import dataclasses
import inspect
import json
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import as_text, nested_problems, take_rows
from solutionkit.declaration import Columns, Declaration
from solutionkit.declaration_parts import History, span
from solutionkit.errors import DataError, Problem, UserError, suggestion
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.dialect import Dialect
from solutionkit.examples.reading import read_cells, told
from solutionkit.examples.times import DAY, microseconds
from solutionkit.kinds import Feature
from solutionkit.kinds.numeric import to_numbers
from solutionkit.modalities.events.rolling import (
    AMOUNT,
    CARD,
    MERCHANT,
    POSITIVE,
    TIME,
    computed_columns,
    in_format,
)
from solutionkit.tasks.classification.labels import NEGATIVES, canonical, label_classes

# `(events, history, label delay) -> computed columns`, see `rolling.rolling_features`.
HistoryFunction = Callable[[pa.Table, History, timedelta], pa.Table]
CANONICAL = (TIME, CARD, MERCHANT, AMOUNT, POSITIVE)


def to_events(
    raw: pa.Table, declaration: Declaration, source: str, positives: list[str] | None = None
) -> pa.Table:
    """Raw rows as events (see `rolling.rolling_features`), with the other columns beside.

    A label that is missing is one that is not known yet.

    Args:
        raw: The rows.
        declaration: What the columns are.
        source: The data's name for error messages.
        positives: The label's positive values; by default as these rows and the declaration have it.

    Raises:
        DataError: A column is missing, or cells are no times or no amounts.
    """
    columns = declaration.columns
    parts = {"card": columns.card, "amount": columns.amount, "time": columns.time}
    if columns.merchant:
        parts["merchant"] = columns.merchant
    missing = [
        Problem(
            "missing_column",
            f"the column '{name}' (columns.{part}) is missing{suggestion(name or '', raw.column_names)}",
            column=name,
        )
        for part, name in parts.items()
        if name not in raw.column_names
    ]
    missing += nested_problems(raw, [*(name for name in parts.values() if name), columns.label])
    if missing:
        raise DataError(source, missing)
    amounts, problems = to_numbers(raw[columns.amount], columns.amount or "")
    if problems:
        # The amount is always a number, so there is no other kind to list it under.
        raise DataError(source, [dataclasses.replace(item, remedy="mend them") for item in problems])
    stamps = pa.array(microseconds(raw, columns.time or "", source)).cast(pa.timestamp("us"))
    events = {TIME: stamps, CARD: names(raw[columns.card]), AMOUNT: amounts}
    if columns.merchant:
        events[MERCHANT] = names(raw[columns.merchant])
    if pc.all(pc.is_null(events[CARD])).as_py():
        message = f"the column '{columns.card}' (columns.card) is empty in all rows"
        raise DataError(source, [Problem("empty_cells", message, column=columns.card)])
    if columns.label in raw.column_names:
        values = as_text(raw[columns.label])
        known = positive_values(values, columns) if positives is None else positives
        positive = pc.is_in(values, pa.array(known, pa.string())).cast(pa.float64())
        unknown = pa.chunked_array([pa.nulls(raw.num_rows, pa.float64())])
        events[POSITIVE] = pc.if_else(pc.is_valid(values), positive, unknown)
    else:
        events[POSITIVE] = pa.nulls(raw.num_rows, pa.float64())
    beside = {name: raw[name] for name in raw.column_names if name not in CANONICAL}
    return pa.table({**events, **beside})


def names(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """What cards and merchants are called: text; whole numbers that were read as floats lose their `.0`."""
    return pc.replace_substring_regex(as_text(values), r"^([0-9]+)\.0$", r"\1")


def positive_values(labels: pa.ChunkedArray, columns: Columns) -> list[str]:
    """Which of a label's texts are positive, of rows that may hold one class alone, or none."""
    classes, _, problems = label_classes(labels, columns)
    if not problems and len(classes) == 2:
        return list(classes[1:])
    spelled = {value: canonical(value) for value in pc.unique(labels.drop_null()).to_pylist()}
    if columns.negative is not None:
        return [value for value, text in spelled.items() if text != canonical(str(columns.negative))]
    wanted = set(NEGATIVES) if columns.positive is None else {canonical(str(columns.positive))}
    return [value for value, text in spelled.items() if text in wanted]


def with_history(
    raw: pa.Table, events: pa.Table, declaration: Declaration, features: HistoryFunction, source: str
) -> pa.Table:
    """Raw rows with the computed columns beside.

    Args:
        raw: The rows.
        events: The same rows as events.
        declaration: What the columns are.
        features: The function that computes the columns.
        source: The data's name for error messages.

    Raises:
        DataError: A computed column has the name of a raw one that is not ignored.
    """
    assert declaration.history is not None
    computed = _computed(features, events, declaration)
    return _beside(raw, computed, declaration, source)


def _beside(raw: pa.Table, computed: pa.Table, declaration: Declaration, source: str) -> pa.Table:
    doubled = set(computed.column_names) & set(raw.column_names)
    clashing = sorted(doubled - set(declaration.columns.ignore))
    if clashing:
        raise DataError(
            source,
            [
                Problem(
                    "name_taken",
                    f"the column '{name}' has the name of a computed one",
                    "list it under columns.ignore, or rename it",
                    name,
                )
                for name in clashing
            ],
        )
    if computed.num_rows != raw.num_rows:
        message = f"{computed.num_rows} rows were computed of {raw.num_rows}"
        raise DataError(source, [Problem("rows_lost", message)])
    raw = raw.drop_columns(sorted(doubled))
    for name in computed.column_names:
        raw = raw.append_column(name, computed[name])
    return raw


def _computed(features: HistoryFunction, events: pa.Table, declaration: Declaration) -> pa.Table:
    """The computed columns; what goes wrong in a project's own function is said with its file and line."""
    assert declaration.history is not None
    try:
        return features(events, declaration.history, span(declaration.data.label_delay))
    except UserError:
        raise
    except Exception as error:
        file = inspect.getsourcefile(inspect.unwrap(features)) or ""
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == file]
        where = f"{file}, line {lines[-1]}" if lines else file
        reason = (str(error).strip().splitlines() or [""])[0]
        raise UserError(
            f"{where}: {type(error).__name__}: {reason}; events have the columns"
            f" {', '.join(events.column_names)}"
        ) from error


def with_subjects(features: list[Feature], declaration: Declaration, computed: set[str]) -> list[Feature]:
    """The features with their subjects and what reason codes say of them, where columns are computed."""
    if declaration.history is None:
        return features
    amount = declaration.columns.amount or ""
    listed = computed_columns(declaration.history, amount, declaration.columns.merchant is not None)
    known = {item.name: (item.subject, item.reason) for item in listed}
    known[amount] = ("amount", f"{in_format(amount)} {{value:,.2f}}")
    told = []
    for feature in features:
        subject, reason = known.get(feature.name, ("", ""))
        feature = dataclasses.replace(feature, subject=subject, reason=reason)
        if feature.name in computed:
            # A new card lacks a history, which is no fault.
            least = feature.min_fraction if feature.kind == "sequence" else 0.0
            feature = dataclasses.replace(feature, min_fraction=least, computed=True)
        told.append(feature)
    return told


def computed_by(declaration: Declaration) -> str:
    """What decides the computed columns, as an exported model keeps it; empty where there are none."""
    if declaration.history is None:
        return ""
    parts = ("time", "card", "merchant", "amount", "label")
    return json.dumps(
        {
            **declaration.history.model_dump(),
            "label_delay": declaration.data.label_delay,
            **{part: getattr(declaration.columns, part) for part in parts},
        },
        sort_keys=True,
    )


def day_codes(times: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """`((rows,) codes from 0 in the order of time, the days' names)` of a time column's texts or numbers."""
    column = pa.table({"time": pa.array(times)})
    days, codes = np.unique(microseconds(column, "time", "the time column") // DAY, return_inverse=True)
    return codes, tuple(str(day) for day in days.astype("datetime64[D]"))


class KnownRows:
    """Rows known so far, to compute the history of new ones by the same function as in training.

    Args:
        rows: Raw rows, with labels where they are known.
        declaration: What the columns are.
        features: The function that computes the columns.
        source: Their name for error messages.

    Raises:
        DataError: A column is missing, or cells are no times or no amounts.
    """

    def __init__(
        self, rows: pa.Table, declaration: Declaration, features: HistoryFunction, source: str = "the rows"
    ) -> None:
        label = declaration.columns.label
        self._declaration, self._features = declaration, features
        self._positives = (
            positive_values(as_text(rows[label]), declaration.columns) if label in rows.column_names else None
        )
        self._id = declaration.columns.id if declaration.columns.id in rows.column_names else None
        self._events = to_events(rows, declaration, source, self._positives)
        self._keys = _keys(self._events, self._id)

    @classmethod
    def of_declaration(
        cls, declaration: Declaration, features: HistoryFunction, path: Path | None = None
    ) -> KnownRows:
        """The rows of the declared data.

        Args:
            declaration: Where they are.
            features: The function that computes the columns.
            path: Other rows.

        Raises:
            UserError: They cannot be read.
        """
        data = declaration.data
        paths = [path.resolve()] if path else [item for item in (data.path, data.train, data.eval) if item]
        try:
            dialect = Dialect.declared(declaration)
            parts = [read_cells(item, dialect) for item in paths]
            named = [part.table.column_names for part in parts]
            shared = [name for name in named[0] if name in named[-1]]
            # Together, as the training rows are read: what one file leaves open the other may show.
            both = dataclasses.replace(
                parts[0], table=_stacked([part.table.select(shared) for part in parts])
            )
            rows = told(both, dialect).whole(str(paths[0]))
        except UserError as error:
            raise UserError(
                f"{error}\nThe history of the rows is looked up there; --history names another file."
            ) from None
        return cls(rows, declaration, features, " and ".join(map(str, paths)))

    @property
    def facts(self) -> str:
        """What decides the computed columns."""
        return computed_by(self._declaration)

    def features(self, new: pa.Table, source: str = "the new rows") -> pa.Table:
        """New raw rows with the computed columns beside.

        Known rows that are among the new ones (by the id, else by time, card, merchant and amount) count
        once; what is known of their labels stays known.

        Args:
            new: The rows.
            source: Their name for error messages.

        Raises:
            DataError: A column is missing, or cells are no times or no amounts.
        """
        events = to_events(new, self._declaration, source, self._positives)
        identity = self._id if self._id in new.column_names else None
        wanted = _keys(events, identity)
        keys = self._keys if identity == self._id else _keys(self._events, None)
        place = pc.index_in(wanted, keys)
        label = self._events[POSITIVE].combine_chunks().take(place)
        events = events.set_column(
            events.column_names.index(POSITIVE), POSITIVE, pc.coalesce(events[POSITIVE], label)
        )
        kept = pc.invert(pc.is_in(keys, wanted))
        before = self._events.filter(kept)
        beside = [name for name in events.column_names if name in before.column_names]
        both = _stacked([before.select(beside), events.select(beside)])
        computed = _computed(self._features, both, self._declaration)
        made = take_rows(computed, np.arange(before.num_rows, computed.num_rows))
        return _beside(new, made, self._declaration, source)


def _keys(events: pa.Table, identity: str | None) -> pa.Array:
    """`(rows,)` texts by which a row is known again."""
    if identity is not None:
        return names(events[identity]).combine_chunks()
    parts = [events[TIME].cast(pa.int64()).cast(pa.string())]
    parts += [events[name] for name in (CARD, MERCHANT) if name in events.column_names]
    parts.append(events[AMOUNT].cast(pa.string()))
    return pc.binary_join_element_wise(*parts, "\x1f", null_handling="replace").combine_chunks()


def _stacked(tables: list[pa.Table]) -> pa.Table:
    """Tables of the same columns, one below the other; where a column's types differ, as text."""
    first = tables[0]
    columns = {}
    for name in first.column_names:
        parts = [table[name] for table in tables]
        if any(part.type != first.schema.field(name).type for part in parts):
            parts = [as_text(part) for part in parts]
        columns[name] = pa.chunked_array([chunk for part in parts for chunk in part.chunks], parts[0].type)
    return pa.table(columns)


def known_model(spec: TableSpec, known: KnownRows | None) -> None:
    """Raise a UserError if a model's columns were computed otherwise than they would be now."""
    facts = known.facts if known is not None else ""
    if spec.computed_by == facts:
        return
    before, now = json.loads(spec.computed_by or "{}"), json.loads(facts or "{}")
    changed = sorted(name for name in {**before, **now} if before.get(name) != now.get(name))
    raise UserError(
        f"use_case.toml: {', '.join(changed)} changed since this model was trained, so its columns would be"
        " computed otherwise; run the pipeline again, or undo the change."
    )
