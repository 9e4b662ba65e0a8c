"""What `check` tells beside the audit."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.verbs.check import units_told

TABLE = pa.table({"patient": ["a", "a", "b", "c", "c", "d"]})
SPLITS = np.array(["train", "train", "validation", "eval", "eval", "eval"])


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        ("patient", ["units    by 'patient': 2 on the training side, 2 evaluate"]),
        ("day", []),
        (None, []),
    ],
)
def test_units_on_which_intervals_hang_are_counted(unit: str | None, told: list[str]) -> None:
    modality = SimpleNamespace(unit=lambda _: unit)
    project: Any = SimpleNamespace(use_case=SimpleNamespace(modality=modality), declaration=None)
    audited: Any = SimpleNamespace(table=TABLE, splits=SPLITS)
    assert units_told(project, audited) == told
