"""Columns of which each cell is one of some values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from solutionkit.cells import as_text, is_plain
from solutionkit.errors import Problem
from solutionkit.kinds.base import Feature, Single
from solutionkit.ranks import roc_auc

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

# More distinct values than this and the rarest share one "unseen" id.
LARGEST_DOMAIN = 1000
# Of an inferred domain, the share of its training cells that other rows must reach.
LEAST_KNOWN = 0.95
# Of the rows, as many distinct texts look like names of rows; few rows may well differ.
LIKE_AN_IDENTIFIER, FEW_VALUES = 0.5, 50
SHOWN_VALUES = 6


class Categorical(Single):
    """One of some values, as text."""

    name = "categorical"
    dtype, missing = "string", ""
    is_text = True

    def claims(self, values: pa.ChunkedArray) -> bool:
        """Whether cells are texts, truth values or times."""
        return is_plain(values.type)

    def infer(self, name: str, values: pa.ChunkedArray, declared: bool) -> Feature | str:
        """The feature with its most frequent values; constants and identifiers are left out."""
        distinct = pc.count_distinct(values).as_py()
        if not declared and distinct <= 1:
            return "constant" if distinct else "empty"
        if not declared and distinct > LIKE_AN_IDENTIFIER * len(values) > FEW_VALUES:
            return f"{distinct} distinct texts in {len(values)} rows: looks like an identifier"
        domain, share = most_frequent(values)
        return Feature(name, self.name, domain, min_domain_mass=round(LEAST_KNOWN * share, 4))

    def cast(self, values: pa.ChunkedArray, feature: Feature) -> tuple[pa.ChunkedArray, list[Problem]]:
        """Cells as text; truth values as the domain spells them."""
        texts = as_text(values)
        if pa.types.is_boolean(values.type):
            spelled = {value.lower(): value for value in feature.domain}
            texts = pa.chunked_array([[spelled.get(text, text) for text in texts.to_pylist()]], pa.string())
        return texts, []

    def problems(self, values: pa.ChunkedArray, feature: Feature) -> list[Problem]:
        """Too many values that the domain does not have."""
        values = values.drop_null()
        if not len(values):
            return []
        known = pc.is_in(values, pa.array(feature.domain, pa.string()))
        if pc.mean(known).as_py() >= feature.min_domain_mass:
            return []
        unseen = pc.value_counts(values.filter(pc.invert(known))).to_pylist()
        unseen.sort(key=lambda item: (-item["counts"], item["values"]))
        shown = ", ".join(f"{item['values']!r} ({item['counts']} rows)" for item in unseen[:3])
        listed = ", ".join(map(repr, feature.domain[:SHOWN_VALUES]))
        more = " …" if len(feature.domain) > SHOWN_VALUES else ""
        return [
            Problem(
                "unknown_values",
                f"the column '{feature.name}' has values unknown to the schema: {shown}",
                f"known are {listed}{more}",
                feature.name,
            )
        ]

    def unknown(self, values: pa.ChunkedArray, feature: Feature) -> str | None:
        """Values that the domain does not have; they are scored as unseen."""
        values = values.drop_null()
        unseen = values.filter(pc.invert(pc.is_in(values, pa.array(feature.domain, pa.string()))))
        if not len(unseen):
            return None
        return (
            f"'{feature.name}' has {len(unseen):,} values that the model has never seen,"
            f" e.g. {unseen[0].as_py()!r}"
        )

    def tells(self, values: pa.ChunkedArray, positive: np.ndarray) -> float:
        """Each value's share of positives is learned on every other row and judged on the rest."""
        codes = values.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy() + 1
        counts = np.bincount(codes[::2], minlength=codes.max() + 1)
        share = np.bincount(codes[::2], positive[::2], codes.max() + 1) / np.maximum(counts, 1)
        return roc_auc(positive[1::2], share[codes[1::2]])

    def write_schema(self, feature: Feature, item: schema_pb2.Feature) -> None:
        """One text a row, with its domain."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        item.type = schema_pb2.BYTES
        item.value_count.min = item.value_count.max = 1
        item.string_domain.name = feature.name
        item.string_domain.value.extend(feature.domain)
        item.distribution_constraints.min_domain_mass = feature.min_domain_mass

    def read_schema(self, item: schema_pb2.Feature, domain: tuple[str, ...]) -> Feature | None:
        """A text that is no image."""
        from tensorflow_metadata.proto.v0 import schema_pb2

        other = item.HasField("image_domain") or item.HasField("natural_language_domain")
        other = other or "date" in item.annotation.tag
        if item.type != schema_pb2.BYTES or other:
            return None
        mass = item.distribution_constraints.min_domain_mass
        return Feature(item.name, self.name, domain, min_domain_mass=mass)

    def array(self, values: pa.ChunkedArray) -> np.ndarray:
        """`(rows,)` texts, empty for missing."""
        return np.array(values.fill_null("").to_pylist(), dtype=object)


def most_frequent(values: pa.ChunkedArray) -> tuple[tuple[str, ...], float]:
    """The distinct values as text, sorted, and the share of cells that have one of them.

    Of a large domain only the most frequent values are taken; the others share the unseen id.
    """
    counts = pc.value_counts(as_text(values).drop_null())
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    ranked = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    kept = ranked[:LARGEST_DOMAIN]
    total = sum(count for _, count in ranked)
    return tuple(sorted(value for value, _ in kept)), sum(count for _, count in kept) / max(total, 1)
