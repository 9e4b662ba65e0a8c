"""`use_case.toml` as a file: read, pointed at other data, and every mistake in it named with its key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import pydantic
from pydantic import BaseModel

from solutionkit.declaration import FILE_NAME, About, Business, Columns, Data, Declaration, Slices, Training
from solutionkit.declaration_parts import Card, Clinical, Forecasting, History, Images, Kubeflow
from solutionkit.errors import UserError, suggestion
from solutionkit.object_store import fetched, is_remote, refuse_unknown_scheme

# Keys of [data] that are files or folders.
PLACES = ("path", "train", "eval", "split_table", "labels", "schema_")
Declared = TypeVar("Declared", bound=BaseModel)


def load_declaration(file: Path) -> Declaration:
    """Read and validate a `use_case.toml`; its paths become absolute.

    Args:
        file: The TOML file.

    Raises:
        UserError: The file is missing, is no TOML, or a key or value in it is wrong.
    """
    try:
        raw = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file}: no such file; run the command inside a generated project.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 (byte {error.start}); save the file as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: not valid TOML: {error}.") from None
    declaration = _validated(raw, f"{file}: the declaration is not valid")
    folder = file.resolve().parent
    training = declaration.training
    if training.weights:
        training = training.model_copy(update={"weights": (folder / training.weights).resolve()})
    if training.encoder and (folder / training.encoder).is_dir():
        training = training.model_copy(update={"encoder": str((folder / training.encoder).resolve())})
    return declaration.model_copy(update={"data": _absolute(declaration.data, folder), "training": training})


def with_data(declaration: Declaration, path: Path, ordered: bool = False) -> Declaration:
    """The same declaration for another file or folder, as `--data` asks.

    A split by files becomes a random one, of rows that go on from each other one by time.
    A table of labels that lies in the declared folder is looked for at the same place in the other one.

    Args:
        declaration: As it is.
        path: The other file or folder.
        ordered: Whether rows go on from each other in time (`Modality.ordered`).

    Raises:
        UserError: What is declared beside needs files of their own.
    """
    refuse_unknown_scheme(path, "--data")
    path = path if is_remote(path) else path.resolve()
    changes: dict[str, Any] = {"path": path, "train": None, "eval": None}
    data = declaration.data
    if data.path is None and ordered:
        changes["split"] = "time"
    if data.labels and data.path and data.labels.is_relative_to(data.path):
        labels = path / data.labels.relative_to(data.path)
        changes["labels"] = labels if is_remote(labels) or labels.exists() else None
    changed = declaration.model_copy(update={"data": declaration.data.model_copy(update=changes)})
    _validated(
        changed.model_dump(by_alias=True), f"--data {path}: {FILE_NAME} does not suit one file or folder"
    )
    return changed


def overridden(declaration: Declaration, table: str, **values: Any) -> Declaration:
    """The same declaration, but for some keys of a table that the command line states.

    Args:
        declaration: As it is.
        table: The table's name.
        values: By key.

    Raises:
        UserError: A value is wrong.
    """
    raw = declaration.model_dump(by_alias=True)
    raw[table] |= values
    stated = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in values.items())
    _validated({"data": {"path": "."}, "columns": {"label": "label"}, table: raw[table]}, stated)
    changed = getattr(declaration, table).model_copy(update=values)
    return declaration.model_copy(update={table: changed})


def moved(table: Declared, folder: Path, to: Path) -> Declared:
    """A table whose paths below one folder lie at the same place below another."""
    if folder == to:
        return table

    def at(value: Any) -> Any:
        if isinstance(value, BaseModel):
            return moved(value, folder, to)
        if isinstance(value, Path):
            return to / value.relative_to(folder) if value.is_relative_to(folder) else value
        return str(at(Path(value))) if isinstance(value, str) and value.startswith(f"{folder}/") else value

    return table.model_copy(update={name: at(value) for name, value in table})


def _validated(raw: dict[str, Any], heading: str) -> Declaration:
    try:
        return Declaration.model_validate(raw)
    except pydantic.ValidationError as error:
        problems = "\n".join(f"  - {_readable(problem)}" for problem in error.errors())
        raise UserError(f"{heading}\n{problems}") from None


def _absolute(data: Data, folder: Path) -> Data:
    for name in PLACES:
        refuse_unknown_scheme(getattr(data, name), f"'data.{name.rstrip('_')}'")
    paths = {
        name: (folder / value).resolve()
        for name in PLACES
        if (value := getattr(data, name)) is not None and not is_remote(value)
    }
    return data.model_copy(update=paths)


def declared_places(declaration: Declaration) -> dict[str, Path]:
    """Files and folders that a declaration names, by their key."""
    data = {f"data.{name.rstrip('_')}": getattr(declaration.data, name) for name in PLACES}
    training = declaration.training
    encoder = Path(training.encoder) if training.encoder and Path(training.encoder).is_absolute() else None
    places = {**data, "training.weights": training.weights, "training.encoder": encoder}
    return {key: place for key, place in places.items() if place is not None}


def at_hand(declaration: Declaration, cache: Path) -> Declaration:
    """A declaration whose data is on this machine: what lies in an object store is fetched.

    Args:
        declaration: As it is.
        cache: Where things fetched are kept.

    Raises:
        UserError: They cannot be read.
    """
    data = declaration.data
    remote = {name: getattr(data, name) for name in PLACES if is_remote(getattr(data, name) or "")}
    if not remote:
        return declaration
    found: dict[str, Path] = {}
    for name, place in remote.items():
        # What lies in a folder came with it.
        inside = next((other for other in remote.values() if other != place and other in place.parents), None)
        if inside is None:
            found[name] = fetched(place, cache)
    for name, place in remote.items():
        if name not in found:
            outer = next(other for other in remote if remote[other] in place.parents)
            found[name] = found[outer] / place.relative_to(remote[outer])
    return declaration.model_copy(update={"data": data.model_copy(update=found)})


def _readable(problem: Any) -> str:
    """One sentence for one of pydantic's errors."""
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if (
        problem["type"] == "extra_forbidden"
        and location[:2] == ["kubeflow", "resources"]
        and len(location) > 3
    ):
        node = ".".join(location[2:])
        return f"unknown key '{key}'; the name of a node goes in quotes: \"{node}\" = {{…}}"
    if problem["type"] == "extra_forbidden":
        return f"unknown key '{key}'{suggestion(location[-1], _known_keys(location[:-1]))}"
    if problem["type"] == "missing":
        return f"'{key}' is missing"
    if problem["type"] == "string_pattern_mismatch" and (meant := _meaning(location)):
        return f"'{key}': {problem['input']!r} does not do; it is {meant}"
    message = re.sub(r"^Value error, ", "", problem["msg"])
    if not location:
        return message
    value = problem["input"]
    received = f", received {value!r}" if isinstance(value, str | int | float | bool) else ""
    return f"'{key}': {message[:1].lower()}{message[1:]}{received}"


def _meaning(location: list[str]) -> str | None:
    """What a key of a table means."""
    model: Any = Declaration
    for part in location[:-1]:
        model = model.model_fields[part].annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
    return str(model.model_fields[location[-1]].description)


def _known_keys(location: list[str]) -> list[str]:
    tables: dict[str, type[BaseModel]] = {
        "project": About,
        "data": Data,
        "columns": Columns,
        "business": Business,
    }
    tables |= {
        "images": Images,
        "history": History,
        "forecast": Forecasting,
        "clinical": Clinical,
        "card": Card,
        "kubeflow": Kubeflow,
        "slices": Slices,
        "training": Training,
    }
    model: type[BaseModel] | None = tables.get(location[0]) if location else Declaration
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]
