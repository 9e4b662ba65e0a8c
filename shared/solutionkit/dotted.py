"""Functions and classes by their dotted names, as TFX's properties and exported models name them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any


def resolve(dotted: str) -> Any:
    """What `module.path:name` names."""
    module, _, name = dotted.partition(":")
    return getattr(importlib.import_module(module), name)


def import_from(folder: Path, dotted: str) -> Any:
    """What a dotted name means where a project's own package lies in `folder`."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return resolve(dotted)
