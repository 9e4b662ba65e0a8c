"""Columns of which each cell is an image file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from solutionkit.cells import as_text
from solutionkit.errors import Problem
from solutionkit.kinds.base import Feature, Files
from solutionkit.kinds.image_files import load_files

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2


class Image(Files):
    """A PNG, JPEG or BMP file; pixels are whole numbers once decoded."""

    name = "image"
    # Pixels are in memory as float32 then.
    rows_transformed = 256
    rows_scored = 128

    def infer(self, name: str, values: pa.ChunkedArray, declared: bool) -> Feature | str:
        """Images are found by looking into their files, see `modalities.image`."""
        del name, values, declared
        return "holds paths of images"

    def cast(self, values: pa.ChunkedArray, feature: Feature) -> tuple[pa.ChunkedArray, list[Problem]]:
        """Paths as text."""
        del feature
        return as_text(values), []

    def load(self, folder: Path, paths: list[str | None]) -> list[bytes | None]:
        """As an exported model decodes them."""
        return load_files(folder, paths)

    def write_schema(self, feature: Feature, item: schema_pb2.Feature) -> None:
        """One file a row."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        del feature
        item.type = schema_pb2.BYTES
        item.value_count.min = item.value_count.max = 1
        item.image_domain.SetInParent()

    def read_schema(self, item: schema_pb2.Feature, domain: tuple[str, ...]) -> Feature | None:
        """Nothing: no schema is curated for images."""
        del item, domain
        return None

    def array(self, values: pa.ChunkedArray) -> np.ndarray:
        """`(rows,)` files."""
        return np.array(values.to_pylist(), dtype=object)

    def stored(self, values: np.ndarray, feature: Feature) -> np.ndarray:
        """Pixels in a quarter or half of the memory."""
        return values.astype(np.uint16 if feature.bits == 16 else np.uint8)

    def as_read(self, values: np.ndarray) -> np.ndarray:
        """Pixels as float32."""
        return values.astype(np.float32)
