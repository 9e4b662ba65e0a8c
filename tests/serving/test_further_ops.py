"""A model whose operations are unknown is loaded once more with the library that has them."""

import importlib

import pytest

from solutionserve import further_ops
from solutionserve.further_ops import with_further_ops

MESSAGE = "Op type not registered 'RegexSplitWithOffsets' in binary running here"


def test_what_loads_is_loaded_once() -> None:
    assert with_further_ops(lambda: 7) == 7


def test_the_library_is_imported_where_an_operation_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    imported: list[str] = []
    monkeypatch.setattr(importlib, "import_module", imported.append)

    def load() -> str:
        if not imported:
            raise RuntimeError(MESSAGE)
        return "loaded"

    assert with_further_ops(load) == "loaded"
    assert imported == [further_ops.LIBRARY]


def test_without_the_library_the_first_error_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    def fail(message: str) -> None:
        raise RuntimeError(message)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(RuntimeError, match="Op type not registered"):
        with_further_ops(lambda: fail(MESSAGE))
    with pytest.raises(RuntimeError, match="something else"):
        with_further_ops(lambda: fail("something else"))
