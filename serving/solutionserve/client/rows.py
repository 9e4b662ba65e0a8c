"""Rows in whatever form users have them, as the arrays that a signature wants, and answers in that form."""

from __future__ import annotations

import difflib
import math
from typing import Any

import numpy as np

from solutionserve.client.messages import NUMPY, ClientError, Signature
from solutionserve.errors import Code


def to_inputs(rows: Any, signature: Signature) -> dict[str, np.ndarray]:
    """One array an input.

    Args:
        rows: A DataFrame, or a mapping from column to values. Further columns are left out.
        signature: What the model wants.

    Raises:
        ClientError: A column is missing, or holds values of another type.
    """
    columns = list(rows.columns) if hasattr(rows, "columns") else list(rows)
    arrays = {}
    for name, kind in signature.inputs.items():
        if name not in columns:
            near = difflib.get_close_matches(name, [str(column) for column in columns], 1)
            hint = f" (did you mean '{near[0]}' there?)" if near else ""
            raise ClientError(Code.INVALID_ARGUMENT, f"column '{name}' is missing from the rows{hint}")
        arrays[name] = to_input(rows[name], name, kind)
    sizes = {name: len(value) for name, value in arrays.items() if value.ndim}
    if len(set(sizes.values())) > 1:
        raise ClientError(Code.INVALID_ARGUMENT, f"the columns have different lengths: {sizes}")
    return arrays


def to_input(values: Any, name: str, kind: str) -> np.ndarray:
    """A column as an array of a signature's type; missing numbers are NaN, missing texts empty.

    Raises:
        ClientError: A value is of another type.
    """
    if kind not in NUMPY:
        raise ClientError(Code.UNIMPLEMENTED, f"input '{name}' is {kind}, which this client cannot send")
    given = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    if kind == "DT_STRING":
        return _texts(given)
    dtype = NUMPY[kind]
    if given.dtype == dtype:
        return given
    if given.dtype.kind in "OSU" and dtype.kind != "b":
        given = _numbers(given, name)
    if dtype.kind == "f":
        converted: np.ndarray = given.astype(dtype)
        return converted
    with np.errstate(invalid="ignore"):
        converted = given.astype(dtype)
    if given.dtype.kind not in "biuf" or not np.array_equal(converted, given):
        what = "true or false" if dtype.kind == "b" else f"whole numbers that fit {dtype}"
        raise ClientError(Code.INVALID_ARGUMENT, f"column '{name}' must hold {what}")
    return converted


def _numbers(given: np.ndarray, name: str) -> np.ndarray:
    """Objects as float64; None and blank text are NaN, as `solutionkit predict` reads them.

    Raises:
        ClientError: A value is no number.
    """
    numbers = np.empty(given.size, np.float64)
    for row, value in enumerate(given.ravel().tolist()):
        try:
            blank = isinstance(value, str) and not value.strip()
            numbers[row] = math.nan if blank or _is_missing(value) else float(value)
        except (TypeError, ValueError, OverflowError):
            raise ClientError(
                Code.INVALID_ARGUMENT, f"column '{name}', row {row}: {value!r} is not a number"
            ) from None
    return numbers.reshape(given.shape)


def _is_missing(value: Any) -> bool:
    # pandas.NA has no truth value, NaN and NaT are not equal to themselves.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def _texts(given: np.ndarray) -> np.ndarray:
    if given.dtype.kind == "f" and not np.isinf(given).any():
        whole = np.array_equal(given, np.floor(given), equal_nan=True)
        values = [
            None if math.isnan(item) else int(item) if whole else item for item in given.ravel().tolist()
        ]
        given = np.array(values, object).reshape(given.shape)
    texts = np.empty(given.size, object)
    texts[:] = [_text(value) for value in given.ravel().tolist()]
    return texts.reshape(given.shape)


def _text(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if _is_missing(value):
        return b""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode()


def like(rows: Any, outputs: dict[str, np.ndarray]) -> Any:
    """Outputs in the form of the rows: a DataFrame with the rows' index, or arrays by name.

    An output with several values a row becomes one column a value, `name_0`, `name_1`, …
    """
    if not hasattr(rows, "columns"):
        return outputs
    import pandas as pd

    columns: dict[str, np.ndarray] = {}
    for name, value in outputs.items():
        flat = value.reshape(len(value), math.prod(value.shape[1:]))
        if flat.shape[1] == 1:
            columns[name] = flat[:, 0]
        else:
            columns |= {f"{name}_{place}": flat[:, place] for place in range(flat.shape[1])}
    return pd.DataFrame(columns, index=rows.index)


def chunks(inputs: dict[str, np.ndarray], size: int) -> list[dict[str, np.ndarray]]:
    """The inputs in pieces of at most `size` rows."""
    rows = max((len(value) for value in inputs.values() if value.ndim), default=0)
    if rows <= size:
        return [inputs]
    return [
        {name: value[start : start + size] for name, value in inputs.items()}
        for start in range(0, rows, size)
    ]


def joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The outputs of all pieces."""
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
