"""What the doctor says of an environment and of a folder."""

import argparse
import ctypes
import platform
import sys
from pathlib import Path

import pytest

from solutionkit.verbs import doctor


def test_all_is_well_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main(argparse.Namespace(project=tmp_path)) == 0
    told = capsys.readouterr().out
    assert "all that is needed is here" in told
    assert "none in" in told


def test_each_lack_has_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", (("no-such-package", "nothing"),))
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))

    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    findings = [*doctor.python(), *doctor.c_library(), *doctor.packages()]
    assert [item.subject for item in findings if item.remedy and item.fatal] == [
        "Python",
        "C library",
        "no-such-package",
        "OpenMP",
    ]


def test_a_project_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "use_case.toml").write_text("[data\n")
    assert doctor.main(argparse.Namespace(project=tmp_path)) == 1
    assert "not valid TOML" in capsys.readouterr().out
