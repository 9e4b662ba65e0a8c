"""Operations that TensorFlow Serving has and TensorFlow itself lacks: those that cut texts into tokens."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

LIBRARY = "tensorflow_text"
GRAPH = "saved_model.pb"


def register_ops_of(folder: Path) -> None:
    """Import TensorFlow Text if a SavedModel needs it and it is installed; else loading says what lacks.

    Args:
        folder: The SavedModel.
    """
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString((folder / GRAPH).read_bytes())
    except Exception:
        # Whatever is no SavedModel is told by who loads it.
        return
    used = set()
    for graph in model.meta_graphs:
        used |= {node.op for node in graph.graph_def.node}
        for function in graph.graph_def.library.function:
            used |= {node.op for node in function.node_def}
        used -= {function.signature.name for function in graph.graph_def.library.function}
    if any(op_def_registry.get(name) is None for name in used):
        with contextlib.suppress(ImportError):
            importlib.import_module(LIBRARY)
