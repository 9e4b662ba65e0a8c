"""Operations that TensorFlow Serving has and TensorFlow itself lacks: those that cut texts into tokens."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TypeVar

Loaded = TypeVar("Loaded")
LIBRARY, UNKNOWN = "tensorflow_text", "Op type not registered"


def with_further_ops(load: Callable[[], Loaded]) -> Loaded:
    """What `load` gives; where an operation is unknown, once more with TensorFlow Text, if it is installed.

    Args:
        load: Loads a SavedModel.
    """
    try:
        return load()
    except Exception as error:
        if UNKNOWN not in str(error):
            raise
        try:
            importlib.import_module(LIBRARY)
        except ImportError:
            raise error from None
        return load()
