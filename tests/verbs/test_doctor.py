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


def test_a_container_engine_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.container().found == "no podman or docker"
    engine = tmp_path / "docker"
    engine.write_text("#!/bin/sh\necho 'Cannot connect to the daemon' >&2\nexit 1\n")
    engine.chmod(0o755)
    found = doctor.container()
    assert found.found == "docker does not answer: Cannot connect to the daemon"
    assert found.remedy.startswith("start it")
    engine.write_text("#!/bin/sh\nexit 0\n")
    assert doctor.container() == doctor.Finding("container", "docker")
