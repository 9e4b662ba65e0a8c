"""Files in object stores: `s3://`, `gs://` and `minio://`, read and written by Arrow's file systems.

A `Path` keeps one slash of an address (`s3:/bucket/key`) and loses nothing else; `address` gives it back.
Credentials come from the environment alone, as the stores' own tools read them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.fs as arrow_fs

from solutionkit.errors import UserError

SCHEMES = ("s3:", "gs:", "minio:")
ENDPOINTS = {
    "s3:": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "minio:": ("MINIO_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
}
CREDENTIALS = {
    "s3:": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and AWS_REGION",
    "minio:": "MINIO_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs:": "GOOGLE_APPLICATION_CREDENTIALS",
}
SECONDS = 20.0
# What is said of a store that cannot be reached.
UNREACHED = ("NETWORK_CONNECTION", "curlCode", "UNAVAILABLE")
# Nanoseconds after which a file's size and time tell whether it changed.
UNSETTLED = 2_000_000_000


def is_remote(path: Path | str) -> bool:
    """Whether a place is an object store's address."""
    return str(path).partition("/")[0] in SCHEMES


def refuse_unknown_scheme(path: Path | None, where: str) -> None:
    """Refuse an address of a kind that is not known, which would be taken for a file's path.

    Args:
        path: The place, if there is one.
        where: Who named it.

    Raises:
        UserError: It is such an address.
    """
    first = str(path or "").partition("/")[0]
    if first.endswith(":") and len(first) > 2 and first not in SCHEMES:
        raise UserError(f"{where}: {first}// is no address that is known; those are s3://, gs://, minio://.")


def address(path: Path | str) -> str:
    """A place as people write it.

    Example:
        >>> address(Path("s3://bucket/customers.csv"))
        's3://bucket/customers.csv'
    """
    scheme, _, rest = str(path).partition("/")
    return f"{scheme}//{rest.lstrip('/')}" if scheme in SCHEMES else str(path)


def fetched(path: Path | str, cache: Path) -> Path:
    """A remote file or folder on this machine; only what changed is fetched.

    Args:
        path: Its address.
        cache: Where things fetched are kept; there they lie as in the store, `s3/<bucket>/<key>`.

    Returns:
        The file or folder.

    Raises:
        UserError: It cannot be read, does not fit on the disk, or holds keys that are no paths.
    """
    scheme, key = _parts(path)
    manifest = cache / f"{hashlib.sha256(address(path).encode()).hexdigest()[:20]}.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with manifest.with_suffix(".lock").open("w") as lock, _told(path):
        fcntl.flock(lock, fcntl.LOCK_EX)
        store = _store(scheme, path)
        info = store.get_file_info(key)
        if info.type == arrow_fs.FileType.NotFound:
            raise UserError(f"{address(path)}: nothing is there.")
        if info.type == arrow_fs.FileType.File:
            found = {"": info}
        else:
            listed = store.get_file_info(arrow_fs.FileSelector(key, recursive=True))
            found = {item.path[len(key) + 1 :]: item for item in listed if item.is_file}
            if not found:
                raise UserError(f"{address(path)}: no file is there.")
        for name in found:
            if ".." in PurePosixPath(name).parts or name.startswith("/") or "\\" in name:
                raise UserError(f"{address(path)}: holds the key {name!r}, which is no path; rename it.")
            if any(str(parent) in found for parent in PurePosixPath(name).parents if str(parent) != "."):
                raise UserError(f"{address(path)}: '{name}' lies in what is a file there; rename one.")
        target = cache / scheme.rstrip(":") / key
        _fetch(store, found, target, manifest)
    return target


def _fetch(store: Any, found: dict[str, Any], target: Path, manifest: Path) -> None:
    """Bring a file or folder to what a store listed, by name, as the manifest says that it was."""
    started = time.time_ns()
    try:
        known = json.loads(manifest.read_text())
    except (OSError, ValueError):
        known = {}
    now = {name: [item.size, item.mtime_ns] for name, item in found.items()}
    wanted = [name for name in now if known.get(name) != now[name] or not (target / name).is_file()]
    if target.is_dir() and "" in found:
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    size, free = sum(found[name].size for name in wanted), shutil.disk_usage(target.parent).free
    if size > free:
        raise UserError(f"{target}: {size:,} bytes are to be fetched, and {free:,} are free; make room.")
    manifest.unlink(missing_ok=True)
    for place in target.rglob("*") if target.is_dir() else ():
        # Also what a fetch left that was cut off.
        if place.is_file() and place.relative_to(target).as_posix() not in now:
            place.unlink()
    for name in wanted:
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.part")
        with store.open_input_stream(found[name].path) as stream, draft.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 22)
        if draft.stat().st_size != found[name].size:
            draft.unlink()
            raise UserError(f"{file}: changed in the store while it was fetched; run again.")
        draft.replace(file)
    # A store's clock counts seconds: what was written just now may change without another size or time.
    settled = {name: told for name, told in now.items() if told[1] < started - UNSETTLED}
    draft = manifest.with_suffix(".part")
    draft.write_text(json.dumps(settled))
    draft.replace(manifest)


def names_below(path: Path | str) -> list[str]:
    """What lies directly below an address, files and folders.

    Raises:
        UserError: It cannot be listed.
    """
    scheme, key = _parts(path)
    with _told(path):
        listed = _store(scheme, path).get_file_info(arrow_fs.FileSelector(key, allow_not_found=True))
    return sorted(item.base_name for item in listed)


def put_folder(folder: Path, path: Path | str, last: str) -> None:
    """Upload a folder's files to an address where nothing is.

    A store cannot rename a folder. The files go to a place beside, hidden by a dot, and are copied within the
    store when all are there, in moments; one of them last, without which nobody reads the others.

    Args:
        folder: With files, and folders of them.
        path: The address.
        last: Name of the file without which the rest is not read.

    Raises:
        UserError: It cannot be written.
    """
    scheme, key = _parts(path)
    names = sorted(item.relative_to(folder).as_posix() for item in folder.rglob("*") if item.is_file())
    names.sort(key=lambda name: name == last)
    draft = hidden(key)
    with _told(path):
        store = _store(scheme, path)
        for name in names:
            # Not through a stream of Python's: one that an error ends is closed, and leaves half a file.
            arrow_fs.copy_files(
                str(folder / name), f"{draft}/{name}", arrow_fs.LocalFileSystem(), store, use_threads=False
            )
        for name in names:
            store.copy_file(f"{draft}/{name}", f"{key}/{name}")
        store.delete_dir(draft)


def remove_folder(path: Path | str) -> None:
    """Remove all files below an address.

    Raises:
        UserError: They cannot be removed.
    """
    scheme, key = _parts(path)
    with _told(path):
        _store(scheme, path).delete_dir(key)


def hidden(path: str) -> str:
    """The place beside where `put_folder` gathers files first."""
    above, _, name = path.rpartition("/")
    return f"{above}/.{name}"


def _parts(path: Path | str) -> tuple[str, str]:
    """Scheme, and bucket with key."""
    scheme, _, key = str(path).partition("/")
    key = key.strip("/")
    if scheme not in SCHEMES or not key:
        raise UserError(f"{path}: not an address in an object store; those are s3://, gs://, minio://.")
    return scheme, key


def _store(scheme: str, path: Path | str) -> Any:
    if scheme == "gs:":
        return arrow_fs.GcsFileSystem(retry_time_limit=timedelta(seconds=SECONDS))
    endpoint = next((os.environ[name] for name in ENDPOINTS[scheme] if os.environ.get(name)), None)
    if scheme == "minio:" and not endpoint:
        raise UserError(
            f"{address(path)}: where that store is, is not known; set MINIO_ENDPOINT_URL, e.g."
            " http://minio-service.kubeflow:9000."
        )
    if endpoint and not endpoint.startswith(("http://", "https://")):
        names = " or ".join(ENDPOINTS[scheme])
        raise UserError(f"{names} is '{endpoint}'; it begins with http:// or https://, as the store speaks.")
    options: dict[str, Any] = {"connect_timeout": SECONDS, "request_timeout": 3 * SECONDS}
    if endpoint:
        options |= {"endpoint_override": endpoint, "scheme": endpoint.partition("://")[0]}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region or endpoint:
        options["region"] = region or "us-east-1"
    else:
        options["region"] = arrow_fs.resolve_s3_region(_parts(path)[1].partition("/")[0])
    return arrow_fs.S3FileSystem(**options)


@contextmanager
def _told(path: Path | str) -> Iterator[None]:
    """Say of a store's error which address it is about, and where credentials come from."""
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        if isinstance(error, OSError) and error.filename is not None:
            # Of this machine's own files.
            raise
        scheme = str(path).partition("/")[0]
        said = " ".join(str(error).split())
        remedy = f"Credentials come from the environment: {CREDENTIALS[scheme]}."
        if any(mark in said for mark in UNREACHED):
            names = ENDPOINTS.get(scheme, ())
            told = next((f"{name} is {os.environ[name]}" for name in names if os.environ.get(name)), None)
            remedy = f"Nobody answers there; {told or 'no endpoint is set'}."
            if names:
                remedy += f" A store that is not Amazon's is named by {' or '.join(names)}."
        raise UserError(f"{address(path)}: the store says: {said}\n{remedy}") from None
