from dataclasses import replace

import numpy as np
import pytest

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.reasons import by_subject, in_words, raw_cells, reasons, subject_names
from solutionkit.kinds import Feature
from solutionkit.tasks.classification.task import Classification

SPEC = TableSpec(
    Classification("fraud", ("no", "yes")),
    (
        Feature("channel", "categorical", ("chip", "online")),
        Feature("amount", "numeric", subject="amount", reason="amount {value:,.2f}"),
        Feature("ratio", "numeric", subject="amount", reason="amount {value:.1f}x this card's usual"),
        Feature("frauds", "numeric", subject="risk", reason="terminal had {value:.0f} frauds in 7d"),
        Feature("recent", "sequence", shape=(3, 2), subject="activity", reason="pattern of {value:.0f}"),
    ),
)
CELLS = {"amount": 600.0, "ratio": 6.04, "frauds": 3.0, "channel": "online", "recent": 2.0}


def test_columns_of_one_subject_are_added_up() -> None:
    assert subject_names(SPEC) == ["amount", "risk", "channel", "activity"]
    assert by_subject(np.array([[1.0, -3.0, 2.0, 0.5, 0.25]]), SPEC).tolist() == [[-2.0, 2.0, 0.5, 0.25]]


def test_the_strongest_subjects_are_told_by_what_speaks_for_the_alert() -> None:
    told = reasons(np.array([-0.5, 2.0, 1.0, 0.7, -0.2]), CELLS, SPEC)
    assert told == ["amount 6.0x this card's usual", "terminal had 3 frauds in 7d", "channel is online"]


def test_what_speaks_against_or_hardly_for_it_is_not_told() -> None:
    assert reasons(np.array([2.0, 1.0, -5.0, 0.05, 0.0]), CELLS, SPEC) == ["amount 600.00"]
    assert reasons(-np.ones(5), CELLS, SPEC) == []


@pytest.mark.parametrize("value", [float("nan"), None, ""])
def test_a_missing_value_is_said_to_be_missing(value: object) -> None:
    assert in_words(SPEC.features[2], value) == "ratio is missing"


def test_a_sequence_is_read_as_its_length() -> None:
    steps = np.array([[[0.0, 0.0], [1.0, 5.0], [1.0, 7.0]]], np.float32)
    assert raw_cells({"recent": steps}, SPEC)["recent"].tolist() == [2.0]


def test_a_comparison_is_told_rather_than_a_bare_value() -> None:
    features = tuple(replace(item, computed=item.name != "amount") for item in SPEC.features)
    spec = replace(SPEC, features=features)
    assert reasons(np.array([2.0, 1.0, 0.0, 0.0, 0.0]), CELLS, spec) == ["amount 6.0x this card's usual"]
    assert reasons(np.array([2.0, 0.1, 0.0, 0.0, 0.0]), CELLS, spec) == ["amount 600.00"]
