"""The use case keeps the library's contract; some minutes."""

from pathlib import Path

from solutionkit.testing import check_declaration, check_use_case

PROJECT = Path(__file__).resolve().parents[1]


def test_own_declaration() -> None:
    check_declaration(PROJECT)


def test_use_case(tmp_path: Path) -> None:
    check_use_case(PROJECT, tmp_path)
