"""Which versions of which models are in memory, and which of them answers a request."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from tensorflow_serving.apis import get_model_status_pb2, model_pb2
from tensorflow_serving.config import model_server_config_pb2

from solutionserve.errors import Code, ServingError, invalid
from solutionserve.model import LoadedModel

ModelConfig: TypeAlias = model_server_config_pb2.ModelConfig
# The states of `tensorflow.serving.ModelVersionStatus`.
START, LOADING, AVAILABLE, UNLOADING, END = 10, 20, 30, 40, 50
ENDED_KEPT = 16
GRAPHS = ("saved_model.pb", "saved_model.pbtxt")
log = logging.getLogger("solutionserve")


@dataclass(eq=False)
class Version:
    """A version of a model, from its start to its end."""

    number: int
    folder: Path
    state: int = START
    error: ServingError | None = None
    model: LoadedModel | None = None
    users: int = 0
    unused: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    retry_at: float = 0.0
    stamp: tuple[int, int] = (0, 0)

    @property
    def failed(self) -> bool:
        """Whether it ended because it did not load."""
        return self.error is not None


@dataclass(frozen=True)
class Loading:
    """How versions are loaded.

    Attributes:
        load: Loads and warms up a version's folder; runs on a thread.
        retries: How often a version that did not load is tried again.
        retry_seconds: Time between tries.
        labels_before_versions: Whether a new label may point to a version that is not available yet.
        mounted: (path in configurations, folder it stands for), as a container's mount; or None.
    """

    load: Callable[[Path], LoadedModel]
    retries: int = 5
    retry_seconds: float = 60.0
    labels_before_versions: bool = False
    mounted: tuple[str, Path] | None = None


class ModelManager:
    """Keeps the versions in memory that the configuration asks for.

    All methods run on the event loop; only loading and closing run on a thread. New versions are loaded
    before old ones go, and a version goes only when nobody uses it any more, so no request fails. When
    another wanted version is already there, what is unwanted goes first, so that memory does not grow.

    Args:
        loading: How to load.
        changed: Called after every change of a version's state.
    """

    def __init__(self, loading: Loading, changed: Callable[[str], None] = lambda name: None) -> None:
        self._loading = loading
        self._changed = changed
        self._configs: dict[str, ModelConfig] = {}
        self._versions: dict[str, dict[int, Version]] = {}
        self._labels: dict[str, dict[str, int]] = {}
        # Models whose base path could not be read; said once, not at every look.
        self._unreadable: set[str] = set()
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "load")

    @property
    def configs(self) -> Mapping[str, ModelConfig]:
        """The configuration of each model."""
        return self._configs

    def available(self, name: str) -> list[int]:
        """The versions of a model that answer requests, oldest first."""
        versions = self._versions.get(name, {})
        return sorted(number for number, version in versions.items() if version.state == AVAILABLE)

    @contextmanager
    def use(self, spec: model_pb2.ModelSpec) -> Iterator[tuple[int, LoadedModel]]:
        """The version that a request means; it stays loaded inside the block.

        Raises:
            ServingError: There is no such version.
        """
        version = self._find(spec)
        assert version.model is not None
        version.users += 1
        version.unused.clear()
        try:
            yield version.number, version.model
        finally:
            version.users -= 1
            if not version.users:
                version.unused.set()

    def status(self, spec: model_pb2.ModelSpec) -> get_model_status_pb2.GetModelStatusResponse:
        """The state of a model's versions, or of the one that is asked for.

        Raises:
            ServingError: There is no such model or version.
        """
        if not spec.name:
            raise invalid("Missing ModelSpec")
        versions = self._versions.get(spec.name, {})
        # Like TensorFlow Serving's, this answer does not know labels.
        number = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
        matching = [version for key, version in versions.items() if number in (None, key)]
        if not matching:
            which = f"version {number}" if number is not None else "any versions"
            raise ServingError(Code.NOT_FOUND, f"Could not find {which} of model {spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in sorted(matching, key=lambda item: -item.number):
            added = response.model_version_status.add(version=version.number, state=version.state)
            added.status.SetInParent()
            if version.error:
                added.status.error_code = int(version.error.code)  # type: ignore[assignment]
                added.status.error_message = version.error.message
        return response

    async def configure(self, config: model_server_config_pb2.ModelServerConfig) -> None:
        """Take on a configuration; returns when the versions it asks for are loaded or have failed.

        Raises:
            ServingError: The configuration is wrong; the old one stays.
        """
        configs = self.checked(config)
        if self._configs and config.WhichOneof("config") is None:
            raise ServingError(Code.FAILED_PRECONDITION, "the new configuration is empty; the old one stays")
        async with self._lock:
            labels = {name: dict(item.version_labels) for name, item in configs.items()}
            self._check_labels(labels)
            self._configs, self._labels = configs, labels
            await self._reconcile()

    async def poll(self) -> None:
        """Look for new versions on disk, and load and unload accordingly."""
        async with self._lock:
            await self._reconcile()

    async def close(self) -> None:
        """Unload everything, once unused."""
        async with self._lock:
            for name, versions in self._versions.items():
                for version in list(versions.values()):
                    if version.state == AVAILABLE:
                        await self._unload(name, version)
        self._thread.shutdown()

    def checked(self, config: model_server_config_pb2.ModelServerConfig) -> dict[str, ModelConfig]:
        """A configuration's models by name.

        Raises:
            ServingError: It is wrong.
        """
        kind = config.WhichOneof("config")
        if kind not in (None, "model_config_list"):
            raise invalid(f"Only model_config_list is supported, not {kind}")
        configs: dict[str, ModelConfig] = {}
        for item in config.model_config_list.config:
            if not item.name:
                raise invalid("A model in the configuration has no name")
            if item.name in configs:
                raise invalid(f"Illegal to list model {item.name} multiple times in config list")
            if not item.base_path.startswith("/"):
                raise invalid(
                    f"Expected model {item.name} to have an absolute path or URI;"
                    f" got base_path()={item.base_path}"
                )
            if self._loading.mounted and not self._is_mounted(item.base_path):
                raise invalid(f"Model {item.name}: {item.base_path} is outside {self._loading.mounted[0]}")
            if item.model_platform not in ("", "tensorflow"):
                raise invalid(f"Model {item.name} requests unsupported platform {item.model_platform}")
            if item.logging_config.sampling_config.sampling_rate and not (
                item.logging_config.log_collector_config.filename_prefix.startswith("/")
            ):
                raise invalid(
                    f"Model {item.name}: logging_config needs log_collector_config.filename_prefix,"
                    " an absolute path"
                )
            configs[item.name] = item
        return configs

    def _check_labels(self, labels: dict[str, dict[str, int]]) -> None:
        for name, wanted in labels.items():
            for label, number in wanted.items():
                known = self._labels.get(name, {}).get(label, number)
                may_come_later = self._loading.labels_before_versions and known == number
                if not may_come_later and number not in self.available(name):
                    raise ServingError(
                        Code.FAILED_PRECONDITION,
                        f"Request to assign label {label} to version {number} of model {name}, which is not"
                        " currently available for inference"
                        " (--allow_version_labels_for_unavailable_models lets a new label come first)",
                    )

    def _find(self, spec: model_pb2.ModelSpec) -> Version:
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        number = self._number(spec)
        versions = self._versions.get(spec.name, {})
        if number is None:
            number = max(self.available(spec.name), default=None)
            asked = f"Latest({spec.name})"
        else:
            asked = f"Specific({spec.name}, {number})"
        version = versions.get(number) if number is not None else None
        if version is None or version.state != AVAILABLE:
            raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {asked}")
        return version

    def _number(self, spec: model_pb2.ModelSpec) -> int | None:
        choice = spec.WhichOneof("version_choice")
        if choice == "version":
            return int(spec.version.value)
        if choice == "version_label":
            known = self._labels.get(spec.name, {})
            if spec.version_label not in known:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
            return known[spec.version_label]
        return None

    async def _reconcile(self) -> None:
        for name in sorted(self._configs.keys() | self._versions.keys()):
            config = self._configs.get(name)
            await self._reconcile_model(name, self._wanted(name, config) if config else {})
            if config is None and not self._in_memory(name):
                self._versions.pop(name, None)

    async def _reconcile_model(self, name: str, wanted: dict[int, Path]) -> None:
        versions = self._versions.setdefault(name, {})
        for number, folder in wanted.items():
            known = versions.get(number)
            moved = known is not None and known.folder != folder
            if known is None or (known.state == END and (moved or not known.failed)):
                versions[number] = Version(number, folder)
        unwanted = [version for version in self._in_memory(name) if version.number not in wanted]
        if not wanted or any(number in wanted for number in self.available(name)):
            await self._unload_all(name, unwanted)
            unwanted = []
        for number in sorted(wanted, reverse=True):
            version = versions[number]
            if version.state == START or self._may_retry(version):
                await self._load(name, version)
        if any(number in wanted for number in self.available(name)):
            await self._unload_all(name, unwanted)
        ended = [number for number in versions if versions[number].state == END and number not in wanted]
        for number in sorted(ended)[:-ENDED_KEPT]:
            del versions[number]

    def _may_retry(self, version: Version) -> bool:
        """Whether to try a version again: it is time to, or its files have changed since."""
        if version.state != END or not version.failed:
            return False
        due = time.monotonic() >= version.retry_at and version.failures <= self._loading.retries
        return due or version.stamp != contents(version.folder)

    def _in_memory(self, name: str) -> list[Version]:
        return [version for version in self._versions.get(name, {}).values() if version.state == AVAILABLE]

    def _wanted(self, name: str, config: ModelConfig) -> dict[int, Path]:
        """The versions on disk that the policy asks for; with none of them there, those that serve now."""
        folder = self.local_path(config.base_path)
        try:
            wanted = versions_on_disk(folder)
            self._unreadable.discard(name)
        except OSError as error:
            wanted = {}
            if name not in self._unreadable:
                log.error("%s: %s cannot be read: %s", name, error.filename or folder, error.strerror)
            self._unreadable.add(name)
        serving = {version.number: version.folder for version in self._in_memory(name)}
        policy = config.model_version_policy
        choice = policy.WhichOneof("policy_choice")
        if choice == "all":
            numbers = sorted(wanted)
        elif choice == "specific":
            numbers = [number for number in policy.specific.versions if number in wanted]
        else:
            numbers = sorted(wanted)[-(policy.latest.num_versions or 1) :]
        return {number: wanted[number] for number in numbers} or serving

    def _is_mounted(self, base_path: str) -> bool:
        assert self._loading.mounted is not None
        parts, mount = PurePosixPath(base_path).parts, PurePosixPath(self._loading.mounted[0]).parts
        return parts[: len(mount)] == mount and ".." not in parts

    def local_path(self, base_path: str) -> Path:
        """Where a configuration's base path lies on this machine."""
        if self._loading.mounted:
            name, folder = self._loading.mounted
            return folder / PurePosixPath(base_path).relative_to(name)
        return Path(base_path)

    async def _load(self, name: str, version: Version) -> None:
        self._set(name, version, LOADING)
        started, version.stamp = time.monotonic(), contents(version.folder)
        try:
            version.model = await self._on_thread(self._loading.load, version.folder)
        except Exception as caught:
            error = caught if isinstance(caught, ServingError) else ServingError(Code.INTERNAL, str(caught))
            version.error, version.failures = error, version.failures + 1
            version.retry_at = time.monotonic() + self._loading.retry_seconds
            self._set(name, version, END)
            log.error("%s version %d did not load: %s", name, version.number, error.message)
            return
        version.error = None
        self._set(name, version, AVAILABLE)
        log.info("%s version %d is available (%.1f s)", name, version.number, time.monotonic() - started)

    async def _unload_all(self, name: str, versions: list[Version]) -> None:
        for version in versions:
            await self._unload(name, version)

    async def _unload(self, name: str, version: Version) -> None:
        self._set(name, version, UNLOADING)
        if version.users:
            await version.unused.wait()
        model, version.model = version.model, None
        assert model is not None
        await self._on_thread(LoadedModel.close, model)
        self._set(name, version, END)
        log.info("%s version %d is unloaded", name, version.number)

    async def _on_thread(self, function: Callable[..., Any], argument: object) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, argument)

    def _set(self, name: str, version: Version, state: int) -> None:
        version.state = state
        self._changed(name)


def contents(folder: Path) -> tuple[int, int]:
    """The number of files in a version's folder and the newest change, in nanoseconds."""
    changes = []
    for file in folder.rglob("*"):
        try:
            changes.append(file.stat().st_mtime_ns)
        except OSError:
            continue
    return len(changes), max(changes, default=0)


def versions_on_disk(folder: Path) -> dict[int, Path]:
    """The version folders of a base path: those with a number for a name, and a graph, which is copied last.

    Raises:
        OSError: The base path is there and cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.isascii() and entry.name.isdigit()]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {
        int(name): folder / name
        for name in names
        if int(name) < 2**63 and any((folder / name / graph).exists() for graph in GRAPHS)
    }
