"""Columns of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import SHOWN, is_number, is_plain, place
from solutionkit.errors import Problem
from solutionkit.kinds.base import Feature, Single
from solutionkit.ranks import roc_auc

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

# A text column is taken for numbers when this share of its cells parse; the others are errors.
MOSTLY_NUMERIC = 0.9
LARGEST_NUMBER = 3.4e38
# Cells of a numeric column that mean "not known".
MISSING_NUMBERS = ["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "-", "?"]


class Numeric(Single):
    """Numbers, of single precision where models read them."""

    name = "numeric"
    dtype, missing = "float32", float("nan")

    def claims(self, values: pa.ChunkedArray) -> bool:
        """Whether the column's type is a number, or nearly all its texts are numbers."""
        if not is_plain(values.type):
            return False
        if (
            pa.types.is_integer(values.type)
            or pa.types.is_floating(values.type)
            or pa.types.is_decimal(values.type)
        ):
            return True
        if not pa.types.is_string(values.type):
            return False
        known = values.drop_null()
        if len(known) == 0:
            return False
        # Zip codes and numbers of accounts begin with zeros.
        if pc.any(pc.match_substring_regex(known, "^0[0-9]+$")).as_py():
            return False
        parsed = pc.sum(pc.or_(is_number(known), pc.is_in(known, pa.array(MISSING_NUMBERS)))).as_py()
        return bool(parsed >= MOSTLY_NUMERIC * len(known))

    def infer(self, name: str, values: pa.ChunkedArray, declared: bool) -> Feature | str:
        """The feature; a column of one number is left out unless it is declared."""
        distinct = pc.count_distinct(values).as_py()
        if not declared and distinct <= 1:
            return "constant" if distinct else "empty"
        return Feature(name, self.name)

    def cast(self, values: pa.ChunkedArray, feature: Feature) -> tuple[pa.ChunkedArray, list[Problem]]:
        """See `to_numbers`."""
        return to_numbers(values, feature.name)

    def tells(self, values: pa.ChunkedArray, positive: np.ndarray) -> float:
        """The larger area of ascending and descending numbers, missing ones at either end."""
        numbers = values.to_numpy(zero_copy_only=False).astype(float)
        missing = np.isnan(numbers)
        known = [np.where(missing, end, numbers) for end in (-np.inf, np.inf)]
        areas = [roc_auc(positive, item) for item in known[: 2 if missing.any() else 1]]
        return max(*areas, *(1.0 - area for area in areas))

    def names_rows(self, values: np.ndarray) -> bool:
        """Whole numbers, another one in every row."""
        numbers = values.astype(float)
        whole = bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())
        return whole and len(np.unique(numbers)) == len(numbers)

    def write_schema(self, feature: Feature, item: schema_pb2.Feature) -> None:
        """One float a row."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        del feature
        item.type = schema_pb2.FLOAT
        item.value_count.min = item.value_count.max = 1

    def read_schema(self, item: schema_pb2.Feature, domain: tuple[str, ...]) -> Feature | None:
        """Whatever is neither text nor a sequence."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        del domain
        if item.type == schema_pb2.BYTES or len(item.shape.dim) == 2:
            return None
        return Feature(item.name, self.name)

    def array(self, values: pa.ChunkedArray) -> np.ndarray:
        """`(rows,)` float32, NaN for missing."""
        numbers: np.ndarray = values.to_numpy(zero_copy_only=False).astype(np.float32)
        return numbers


def to_numbers(values: pa.ChunkedArray, name: str) -> tuple[pa.ChunkedArray, list[Problem]]:
    """A column as float64; texts that are no numbers become null and one problem."""
    if not pa.types.is_string(values.type):
        try:
            return _finite(values.cast(pa.float64()), name)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            message = f"the column '{name}' holds {values.type}, not numbers"
            return pa.nulls(len(values), pa.float64()), [Problem("not_numbers", message, column=name)]
    # No null scalar here: Arrow 18 reads past the ends of sliced texts then.
    nothing = pa.chunked_array([pa.nulls(len(values), pa.string())])
    values = pc.if_else(pc.is_in(values, pa.array(MISSING_NUMBERS)), nothing, values)
    try:
        return _finite(values.cast(pa.float64()), name)
    except pa.ArrowInvalid:
        pass
    wrong = pc.and_(pc.is_valid(values), pc.invert(is_number(values)))
    rows = pc.indices_nonzero(pc.fill_null(wrong, False)).to_pylist()
    examples = ", ".join(f"{place(row)}: '{values[row].as_py()}'" for row in rows[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    numbers = pc.if_else(wrong, nothing, values).cast(pa.float64())
    return numbers, [
        Problem(
            "text_in_numeric",
            f"the numeric column '{name}' holds text ({examples}{more})",
            "mend the cells, or list the column under columns.categorical or columns.ignore",
            name,
            tuple(rows[:SHOWN]),
        )
    ]


def _finite(numbers: pa.ChunkedArray, name: str) -> tuple[pa.ChunkedArray, list[Problem]]:
    """NaN becomes null; numbers that single precision, which models read, cannot hold are a problem."""
    numbers = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    huge = pc.greater(pc.abs(numbers), LARGEST_NUMBER)
    rows = pc.indices_nonzero(pc.fill_null(huge, False)).to_pylist()
    if not rows:
        return numbers, []
    examples = ", ".join(f"{place(row)}: {numbers[row].as_py():g}" for row in rows[:SHOWN])
    numbers = pc.if_else(huge, pa.scalar(None, pa.float64()), numbers)
    message = f"the column '{name}' holds infinite or too large numbers ({examples})"
    return numbers, [Problem("too_large", message, "mend the cells", name, tuple(rows[:SHOWN]))]
