"""Columns whose values can be left out of training, and what is said of others."""

import numpy as np
import pyarrow as pa
import pytest

from solutionkit.examples.columns import TableSpec
from solutionkit.examples.left_out import left_out_problems
from solutionkit.kinds import Feature
from solutionkit.tasks.classification.task import Classification

SPEC = TableSpec(Classification("y", ("no", "yes")), (Feature("age", "numeric"),), carried=("site", "day"))
SPLITS = np.repeat(["train", "validation", "eval"], [100, 40, 60])
TABLE = pa.table(
    {
        "age": np.arange(200.0),
        "site": np.resize(["north", "south"], 200),
        # One day evaluates.
        "day": np.repeat(["monday", "tuesday"], [140, 60]),
    }
)


def test_a_column_of_few_values_on_both_sides_can_be_left_out() -> None:
    assert left_out_problems(TABLE, SPLITS, SPEC, "site") == []
    assert left_out_problems(TABLE, SPLITS, SPEC, None) == []


@pytest.mark.parametrize(
    ("column", "message"), [("age", "which is a number"), ("day", "no value of 'day' has 30 rows on both")]
)
def test_what_cannot_be_left_out_is_refused_before_anything_learns(column: str, message: str) -> None:
    (problem,) = left_out_problems(TABLE, SPLITS, SPEC, column)
    assert message in problem.message
