"""Columns that hold a piece of a series: what was before, and what is known of the steps to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from solutionkit.kinds.base import Feature
from solutionkit.kinds.sequence import Sequence

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2


class Past(Sequence):
    """The steps before the forecast, the latest last; channels are named by `Feature.domain`.

    The first channel says whether a step was observed, the second holds what is forecast.
    """

    name = "past"

    def claims(self, values: pa.ChunkedArray) -> bool:
        """Windows are cut, and claimed by nobody."""
        del values
        return False

    def read_schema(self, item: schema_pb2.Feature, domain: tuple[str, ...]) -> Feature | None:
        """No curated schema states a window."""
        del item, domain
        return None


class Future(Past):
    """The steps that are forecast: calendar, and what else is known of them beforehand."""

    name = "future"
