"""Columns of free text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from solutionkit.cells import as_text
from solutionkit.errors import Problem
from solutionkit.kinds.base import Feature, Single

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2


class Text(Single):
    """What somebody wrote; `Feature.domain` names what is taken out of it before a model reads it."""

    name = "text"
    dtype, missing = "string", ""
    rows_transformed = 1024
    # N-grams of long texts are many.
    rows_scored = 128
    has_values = False
    stand_in = b"So many words, of no ticket at all, wake up a model that nobody has asked yet."

    def infer(self, name: str, values: pa.ChunkedArray, declared: bool) -> Feature | str:
        """The feature; texts are declared, so there is nothing to find out."""
        del values, declared
        return Feature(name, self.name)

    def cast(self, values: pa.ChunkedArray, feature: Feature) -> tuple[pa.ChunkedArray, list[Problem]]:
        """Cells as text and cleaned: what is stored anywhere has no personal data that is looked for."""
        from solutionkit.kinds.text_cleaning import cleaned_cells

        return cleaned_cells(as_text(values), feature), []

    def write_schema(self, feature: Feature, item: schema_pb2.Feature) -> None:
        """A text in a natural language, and what is taken out of it."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        item.type = schema_pb2.BYTES
        item.value_count.min = item.value_count.max = 1
        item.natural_language_domain.SetInParent()
        item.annotation.tag.extend(feature.domain)

    def read_schema(self, item: schema_pb2.Feature, domain: tuple[str, ...]) -> Feature | None:
        """A text in a natural language."""
        del domain
        if not item.HasField("natural_language_domain"):
            return None
        return Feature(item.name, self.name, tuple(item.annotation.tag))

    def array(self, values: pa.ChunkedArray) -> np.ndarray:
        """`(rows,)` texts, empty for missing."""
        return np.array(values.fill_null("").to_pylist(), dtype=object)

    def readable(self, values: np.ndarray) -> np.ndarray:
        """As texts."""
        return np.array([_text(value) for value in values], object)


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
