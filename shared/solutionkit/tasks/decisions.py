"""What models' outputs lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from solutionkit.compare.inference import Difference

Scores = dict[str, np.ndarray]


@dataclass(frozen=True)
class Decisions:
    """What models' outputs lead to.

    Attributes:
        told: By model what `comparison.json` says under `business`.
        gain: The worth of 1,000 decisions, the second named model's minus the first one's; None where
            decisions have no worth.
        currency: Of worths.
    """

    told: dict[str, dict[str, Any]]
    gain: Callable[[str, str], Difference] | None = None
    currency: str = ""
