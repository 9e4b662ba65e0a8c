"""Hashes that go into components' properties, so that TFX's cache sees what it cannot see itself."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import tomllib
from collections.abc import Iterable
from pathlib import Path

import solutionkit
from solutionkit.errors import UserError
from solutionkit.examples import schema as schemas
from solutionkit.modalities.base import Modality
from solutionkit.use_case import Project

LIBRARY = Path(solutionkit.__file__).parent
# What everything imports.
COMMON = (
    "cells.py",
    "decimals.py",
    "declaration.py",
    "declaration_parts.py",
    "dotted.py",
    "errors.py",
    "ranks.py",
    "splits.py",
    "use_case.py",
    "kinds",
    "examples/columns.py",
    "modalities/base.py",
    "pipeline/components.py",
    "tasks/base.py",
)


def source_hash(*rooms: str, own: Iterable[Path] = (), names: Iterable[str] = ()) -> str:
    """Hash of the sources, page templates included, that decide a component's outcome.

    Args:
        rooms: Folders or files of the library, e.g. `models`.
        own: Files of the use case's package, see `own_sources`.
        names: What is used of them, by dotted name.
    """
    places = [*(LIBRARY / room for room in (*COMMON, *rooms)), *own]
    files = [file for place in places for file in ([place] if place.is_file() else _written(place))]
    digest = hashlib.sha256("\n".join([solutionkit.__version__, *names]).encode())
    for file in files:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def own_sources(folder: Path, package: str, *modules: str) -> list[Path]:
    """The files of a use case's package that some modules consist of and import; of other packages none.

    So editing the network counts for its trainer alone, and editing a metric for the comparison. The
    package's own `__init__.py` counts where it is asked for, or something that it says is imported.

    Args:
        folder: Where the package lies.
        package: Its name.
        modules: Names of modules, or dotted names `module:function`.
    """
    sources: dict[Path, None] = {}
    waiting = [module.partition(":")[0] for module in modules]
    while waiting:
        module = waiting.pop()
        file = _file_of(folder, package, module)
        if file is None and module.rpartition(".")[0] == package:
            # Something that the package's `__init__.py` says.
            file = _file_of(folder, package, package)
        if file is not None and file not in sources:
            sources[file] = None
            waiting += _imported(file, folder)
    # Which of its other files the package reads, and what it may be installed beside, cannot be told.
    beside = [file for file in _written(folder / package) if file.suffix != ".py"]
    return sorted([*sources, *beside, folder / "requirements.lock"]) if sources else []


def _written(folder: Path) -> list[Path]:
    """The files below a folder, but for those that Python and numba keep there of what they compiled."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and file.parent.name != "__pycache__")


def _file_of(folder: Path, package: str, module: str) -> Path | None:
    if module.split(".")[0] != package:
        return None
    place = folder.joinpath(*module.split("."))
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def _imported(file: Path, folder: Path) -> list[str]:
    """Names of all that a file imports, those of which only a part is a module among them."""
    parts = file.relative_to(folder).with_suffix("").parts
    inside = list(parts[:-1])
    names = []
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{file}: line {error.lineno}: {error.msg}; mend it and run again.") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [item.name for item in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = inside[: len(inside) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            # What is imported from the package itself is a module of it, or what its `__init__.py` says.
            names += [f"{module}.{item.name}" for item in node.names]
            names += [module] if "." in module else []
    return names


def own_values(modality: Modality) -> list[str]:
    """What a use case's own modality was given, as text, beside what every modality is given."""
    shared = {item.name for item in dataclasses.fields(Modality)}
    values = [f"{type(modality).__module__}:{type(modality).__qualname__}"]
    for item in dataclasses.fields(modality):
        if item.name in shared:
            continue
        value = getattr(modality, item.name)
        told = f"{value.__module__}:{value.__qualname__}" if callable(value) else repr(value)
        values.append(f"{item.name} = {told}")
    return values


def stated_dependencies(folder: Path) -> list[str]:
    """What a project's `pyproject.toml` asks for."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    return [str(item) for item in settings.get("project", {}).get("dependencies", [])]


def input_hash(project: Project) -> str:
    """Hash of the files whose content decides the examples, with their names where these say something.

    Raises:
        UserError: They cannot be listed.
    """
    declaration = project.at_hand().declaration
    files, names = project.use_case.modality.files(declaration)
    beside = [declaration.data.split_table, declaration.data.schema_ or project.folder / schemas.FILE_NAME]
    return data_hash([*files, *(file for file in beside if file)], names)


def project_hash(folder: Path, package: str) -> str:
    """Hash of a project's own files that nodes read where they run: an image must hold the same.

    Args:
        folder: The project's.
        package: Its use case's.
    """
    files = _written(folder / package)
    files += [folder / name for name in ("pyproject.toml", "requirements.lock", schemas.FILE_NAME)]
    there = sorted(file for file in files if file.is_file())
    return data_hash(there, [file.relative_to(folder).as_posix() for file in there])


def data_hash(files: list[Path], names: list[str] | None = None) -> str:
    """Hash of the data files' content, and of their names where these say something; others are not there."""
    digest = hashlib.sha256("\n".join(names or []).encode())
    for file in files:
        if not file.is_file():
            continue
        with file.open("rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]
