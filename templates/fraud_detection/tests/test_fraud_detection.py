"""The use case keeps the library's contract, some minutes; and its columns see no future, some seconds."""

from pathlib import Path

from fraud_detection.history import features
from fraud_detection.sample_data import generate
from solutionkit.modalities.events.history import to_events
from solutionkit.modalities.events.point_in_time import future_problems
from solutionkit.testing import check_declaration, check_use_case, sample_declaration

PROJECT = Path(__file__).resolve().parents[1]


def test_own_declaration() -> None:
    check_declaration(PROJECT)


def test_use_case(tmp_path: Path) -> None:
    check_use_case(PROJECT, tmp_path)


def test_columns_see_no_future() -> None:
    declaration = sample_declaration(PROJECT)
    events = to_events(generate(20_000, 1), declaration, "the sample")
    assert future_problems(events, declaration, features) == []
