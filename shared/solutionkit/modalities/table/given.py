"""The rows of a table as the declaration gives them: whole, in two files, or with splits beside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from solutionkit.cells import as_text
from solutionkit.declaration import Declaration
from solutionkit.errors import DataError, Problem, suggestion
from solutionkit.examples.dialect import Dialect
from solutionkit.examples.reading import Read, joined, read, read_cells, read_table, told
from solutionkit.kinds.numeric import to_numbers
from solutionkit.splits import EVAL, TRAIN


@dataclass(frozen=True)
class Given:
    """The rows of a table as the declaration gives them.

    Attributes:
        read: The rows.
        splits: `(rows,)` names of splits, if the files give them.
        source: What to call them in errors.
    """

    read: Read
    splits: np.ndarray | None
    source: str


def read_given(declaration: Declaration) -> Given:
    """Read a table.

    Raises:
        UserError: A file cannot be read, or files do not fit together.
    """
    data, dialect = declaration.data, Dialect.declared(declaration)
    if data.path:
        whole = read(data.path, dialect)
        return Given(replace(whole, table=with_split_table(whole.table, declaration)), None, str(data.path))
    assert data.train
    assert data.eval
    parts = [read_cells(file, dialect) for file in (data.train, data.eval)]
    train, evaluation = (part.table for part in parts)
    given = np.repeat(np.array([TRAIN, EVAL], object), [train.num_rows, evaluation.num_rows])
    source = f"{data.train} and {data.eval.name}"
    both = _both(train, evaluation, data.train, data.eval)
    # Together: what one file leaves open the other may show.
    return Given(told(replace(parts[0], table=both), dialect), given, source)


def with_split_table(raw: pa.Table, declaration: Declaration) -> pa.Table:
    """The rows with the split column of `data.split_table` beside them.

    Raises:
        DataError: The table lacks the column or does not fit the rows.
    """
    file, name = declaration.data.split_table, declaration.columns.split
    if not file or not name:
        return raw
    beside = read_table(file, Dialect.declared(declaration))

    def refused(message: str, remedy: str = "") -> DataError:
        return DataError(str(file), [Problem("split_table", message, remedy, name)])

    if name not in beside.column_names:
        raise refused(f"the split column '{name}' is missing{suggestion(name, beside.column_names)}")
    key = declaration.columns.id
    if key and key in beside.column_names and key in raw.column_names:
        keys = as_text(beside[key]).to_pylist()
        by_key = dict(zip(keys, beside[name].to_pylist(), strict=True))
        wanted = as_text(raw[key]).to_pylist()
        unknown = [value for value in wanted if value not in by_key]
        if unknown or len(by_key) < len(keys):
            lacking = f"it lacks {len(unknown)} ids of the data, e.g. {unknown[0]!r}" if unknown else ""
            raise refused(lacking or "ids stand twice", f"each row of the data needs one line, by '{key}'")
        column = pa.chunked_array([[by_key[value] for value in wanted]])
    elif beside.num_rows == raw.num_rows:
        column = beside[name]
        if "row" in beside.column_names:
            order = to_numbers(beside["row"], "row")[0].fill_null(-1).to_numpy()
            if sorted(order) != list(range(raw.num_rows)):
                raise refused("the column 'row' must number the data's rows from 0")
            column = column.take(pa.array(np.argsort(order)))
    else:
        raise refused(f"it has {beside.num_rows} rows, the data {raw.num_rows}", "they must match row by row")
    kept = raw.drop_columns([name]) if name in raw.column_names else raw
    return kept.append_column(name, column)


def _both(train: pa.Table, evaluation: pa.Table, train_file: Path, eval_file: Path) -> pa.Table:
    source = f"{train_file} and {eval_file}"
    differing = set(train.column_names) ^ set(evaluation.column_names)
    if differing:
        message = f"their columns differ: {', '.join(sorted(differing))}"
        raise DataError(source, [Problem("columns_differ", message)])
    return joined([train, evaluation.select(train.column_names)], source)
