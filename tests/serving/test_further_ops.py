"""A model whose operations are unknown has the library imported that brings them."""

import importlib
from pathlib import Path

import pytest
from tensorflow.core.protobuf import saved_model_pb2

from solutionserve import further_ops
from solutionserve.further_ops import register_ops_of


def model_with(folder: Path, *ops: str) -> Path:
    model = saved_model_pb2.SavedModel()
    graph = model.meta_graphs.add().graph_def
    function = graph.library.function.add()
    function.signature.name = "inner"
    graph.node.add(name="call", op="inner")
    for name in ops:
        function.node_def.add(name=name.lower(), op=name)
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    return folder


@pytest.mark.parametrize(
    ("ops", "wanted"), [(("Identity", "MatMul"), False), (("Identity", "NoSuchOp"), True)]
)
def test_the_library_is_imported_only_where_an_operation_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ops: tuple[str, ...], wanted: bool
) -> None:
    imported: list[str] = []
    monkeypatch.setattr(importlib, "import_module", imported.append)
    register_ops_of(model_with(tmp_path, *ops))
    assert imported == ([further_ops.LIBRARY] if wanted else [])


def test_what_is_missing_is_told_by_who_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    register_ops_of(model_with(tmp_path, "NoSuchOp"))
    register_ops_of(tmp_path / "nowhere")
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff no message")
    register_ops_of(tmp_path)
