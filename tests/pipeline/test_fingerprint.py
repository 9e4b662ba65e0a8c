from pathlib import Path

import pytest

from solutionkit.errors import UserError
from solutionkit.pipeline import fingerprint


def test_sources_and_page_templates_count_and_what_was_compiled_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("room/code.py", "room/page.html.j2", "package/own.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(fingerprint, "LIBRARY", tmp_path)
    monkeypatch.setattr(fingerprint, "COMMON", ())

    def current() -> str:
        return fingerprint.source_hash("room", own=[tmp_path / "package"])

    for name in ("room/code.py", "room/page.html.j2", "package/own.py"):
        before = current()
        (tmp_path / name).write_text("two")
        assert current() != before
    before = current()
    # Python writes the one when it imports, numba the other when it first runs.
    for name in ("room/__pycache__/code.pyc", "room/__pycache__/code.nbc", "package/__pycache__/own.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("two")
    assert current() == before


def test_data_counts_by_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 5_000_000)
    before = fingerprint.data_hash([tmp_path / "a"])
    (tmp_path / "b").write_bytes(b"x" * 5_000_000)
    assert fingerprint.data_hash([tmp_path / "b"]) == before
    (tmp_path / "a").write_bytes(b"x" * 4_999_999 + b"y")
    assert fingerprint.data_hash([tmp_path / "a"]) != before


def test_names_count_where_they_are_labels(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    found = [fingerprint.data_hash([tmp_path / "a"], names) for names in (None, ["ok/a"], ["bad/a"])]
    assert len(set(found)) == 3


def test_of_the_own_package_what_a_module_imports_counts(tmp_path: Path) -> None:
    package = tmp_path / "own"
    (package / "deep").mkdir(parents=True)
    sources = {
        "__init__.py": "from own import network, sample",
        "network.py": "from own.layers import Layer\nimport own.deep.more\nfrom . import small",
        "layers.py": "import keras",
        "small.py": "",
        "sample.py": "",
        "deep/__init__.py": "",
        "deep/more.py": "from ..layers import Layer",
    }
    for name, text in sources.items():
        (package / name).write_text(text)

    def found(*modules: str) -> list[str]:
        files = fingerprint.own_sources(tmp_path, "own", *modules)
        return [str(file.relative_to(package)) for file in files if file.is_relative_to(package)]

    assert found("own.network:train") == ["deep/more.py", "layers.py", "network.py", "small.py"]
    assert found("own.deep.more") == ["deep/more.py", "layers.py"]
    assert found("own.sample", "solutionkit.models.tabm") == ["sample.py"]
    assert "sample.py" in found("own")
    # What the package reads beside code cannot be told.
    (package / "names.json").write_text("{}")
    assert found("own.sample") == ["names.json", "sample.py"]
    assert found("solutionkit.models.tabm") == []


def test_a_typing_error_in_own_code_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "network.py").write_text("import keras\ndef train(:\n")
    with pytest.raises(UserError, match=r"network\.py: line 2"):
        fingerprint.own_sources(tmp_path, "own", "own.network:train")
