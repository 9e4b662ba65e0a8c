import sys
from pathlib import Path

import pytest

from solutionkit.dotted import import_from, resolve
from solutionkit.splits import SPLITS


def test_a_dotted_name() -> None:
    assert resolve("solutionkit.splits:SPLITS") is SPLITS
    with pytest.raises(AttributeError):
        resolve("solutionkit.splits:NOTHING")


def test_a_projects_own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "package_of_its_own.py").write_text("ANSWER = 42\n")
    assert import_from(tmp_path, "package_of_its_own:ANSWER") == 42
    assert sys.path.count(str(tmp_path)) == 1
    import_from(tmp_path, "package_of_its_own:ANSWER")
    assert sys.path.count(str(tmp_path)) == 1
