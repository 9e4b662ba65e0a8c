"""Numbered versions of a SavedModel in a folder, as servers count them; each appears whole or not at all."""

from __future__ import annotations

import filecmp
import os
import shutil
import time
from pathlib import Path

GRAPH = "saved_model.pb"
# Seconds: no copy takes so long.
LEFT_AFTER = 86_400


def add_version(base: Path, model: Path) -> Path:
    """Copy a SavedModel to `<base>/<version>`; the version is the time in seconds, and later than all there.

    A copy that was cut off stays hidden, and a later one clears it away; a young one may be another's, where
    several machines write.
    """
    base.mkdir(parents=True, exist_ok=True)
    for item in base.iterdir():
        old = item.name[1:] if item.name.startswith(".") and is_number(item.name[1:]) else None
        if old is not None and int(old) < time.time() - LEFT_AFTER:
            shutil.rmtree(item, ignore_errors=True)
    numbers = [int(item.name) for item in base.iterdir() if is_number(item.name)]
    version = max(int(time.time()), max(numbers, default=0) + 1)
    while (draft := base / f".{version}").exists():
        version += 1
    try:
        shutil.copytree(model, draft)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return put_in_place(draft, base / str(version))


def live_version(base: Path, model: Path) -> Path:
    """The newest version below a folder, which is this model: the one that is there, else a new one."""
    newest = newest_version(base)
    return newest if newest and same_files(newest, model) else add_version(base, model)


def newest_version(base: Path) -> Path | None:
    """The highest numbered SavedModel below a folder.

    Raises:
        OSError: The folder cannot be read.
    """
    # Not `glob`, which finds nothing in a folder that it may not read.
    items = list(base.iterdir()) if base.is_dir() else []
    versions = [item for item in items if is_number(item.name) and (item / GRAPH).is_file()]
    return max(versions, key=lambda item: int(item.name), default=None)


def is_number(name: str) -> bool:
    """Whether servers take a folder of this name for a version."""
    return name.isascii() and name.isdigit()


def same_files(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files: of a model its graph, weights, assets and threshold."""
    names = [
        sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
        for folder in (one, other)
    ]
    if names[0] != names[1]:
        return False
    same, _, _ = filecmp.cmpfiles(one, other, names[0], shallow=False)
    return len(same) == len(names[0])


def put_in_place(draft: Path, target: Path) -> Path:
    """Rename a finished folder, once all of it is on disk: not even a power cut leaves half of it there."""
    for path in (*draft.rglob("*"), draft):
        _sync(path)
    draft.rename(target)
    _sync(target.parent)
    return target


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
