"""Hashes that go into components' properties, so that TFX's cache sees what it cannot see itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import solutionkit

LIBRARY = Path(solutionkit.__file__).parent
# What everything imports.
COMMON = ("declaration.py", "errors.py", "use_case.py", "examples/columns.py", "pipeline/components.py")


def source_hash(*rooms: str, package: Path | None = None) -> str:
    """Hash of the sources, page templates included, that decide a component's outcome.

    Args:
        rooms: Folders or files of the library, e.g. `models`.
        package: The use case's package.
    """
    places = [LIBRARY / room for room in (*COMMON, *rooms)]
    if package is not None:
        places.append(package)
    files = [
        file
        for place in places
        for file in (
            [place]
            if place.is_file()
            else sorted(item for item in place.rglob("*") if item.is_file() and item.suffix != ".pyc")
        )
    ]
    digest = hashlib.sha256(solutionkit.__version__.encode())
    for file in files:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def data_hash(files: list[Path], names: list[str] | None = None) -> str:
    """Hash of the data files' content, and of their names where these say something."""
    digest = hashlib.sha256("\n".join(names or []).encode())
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]
