"""Rollouts by version labels: the configuration file is the truth, whatever server reads it.

`stable` is what users get, `canary` is tried beside it, `previous` stays loaded for a quick way back. Two
versions are in memory at most. TensorFlow Serving moves a label only to a version that is available, so a
change is written in two steps where a server runs: first the versions, and once they are available the
labels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from solutionserve.client import Client, ClientError
from solutionserve.configuration import read_models
from solutionserve.errors import Code, ServingError, invalid
from solutionserve.manager import versions_on_disk

ROLES = STABLE, CANARY, PREVIOUS = "stable", "canary", "previous"
HEADER = "# TensorFlow Serving's model configuration; `solutionkit rollout` writes versions and labels.\n"
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Roles:
    """Which version has which role; all None means that the newest pushed version serves."""

    stable: int | None = None
    canary: int | None = None
    previous: int | None = None

    @property
    def labels(self) -> dict[str, int]:
        """The labels to set."""
        named = {STABLE: self.stable, CANARY: self.canary, PREVIOUS: self.previous}
        return {label: version for label, version in named.items() if version is not None}


class Rollout:
    """The rollout of one model.

    Args:
        file: The model configuration that the server reads.
        model: The model's name.
        versions: The folder with its versions.
        server: The running server's gRPC or REST address; None if none need be told.
        timeout: Seconds to wait for a version to load.

    Attributes:
        pending: Whether the last change is only half done, for want of a server to wait for.

    Raises:
        ServingError: The file is wrong or names no such model.
    """

    def __init__(
        self, file: Path, model: str, versions: Path, server: str | None = None, timeout: float = 120.0
    ) -> None:
        self._file = file
        self._model = model
        self._versions = versions
        self._server = server
        self._timeout = timeout
        self.pending = False
        self._config = read_models(file)
        if self._entry(self._config) is None:
            raise invalid(f"{file}: has no model named '{model}'")

    @property
    def roles(self) -> Roles:
        """The roles in the file."""
        entry = self._entry(self._config)
        assert entry is not None
        labels = dict(entry.version_labels)
        return Roles(labels.get(STABLE), labels.get(CANARY), labels.get(PREVIOUS))

    @property
    def pushed(self) -> list[int]:
        """The versions on disk, oldest first."""
        return sorted(versions_on_disk(self._versions))

    def canary(self, version: int | None = None) -> Roles:
        """Try a version (default: the newest) beside the stable one.

        Raises:
            ServingError: There is no such version, or it is the stable one.
        """
        pushed = self.pushed
        chosen = self._existing(version if version is not None else max(pushed, default=None))
        stable = self.roles.stable
        if stable is None:
            stable = max((number for number in pushed if number != chosen), default=None)
        if stable is None:
            raise invalid(
                f"{self._versions}: only version {chosen} is pushed; there is none to compare it with"
            )
        if chosen == stable:
            raise invalid(f"version {chosen} is the stable one already; push a new version first")
        return self._apply(Roles(stable=stable, canary=chosen))

    def promote(self) -> Roles:
        """Make the canary the stable version; the stable one stays loaded for a way back.

        Raises:
            ServingError: There is no canary.
        """
        roles = self.roles
        if roles.canary is None:
            raise invalid("there is no canary to promote; start one with: rollout canary")
        # Requests without a label get the newest loaded version: an older stable one must be alone.
        keeps = roles.stable is not None and roles.stable < roles.canary
        return self._apply(Roles(stable=roles.canary, previous=roles.stable if keeps else None))

    def rollback(self, version: int | None = None) -> Roles:
        """Drop the canary; without one, go back to the previous version, or to the one named.

        Raises:
            ServingError: There is nothing to go back to.
        """
        roles, pushed = self.roles, self.pushed
        if version is not None:
            return self._apply(Roles(stable=self._existing(version)))
        if roles.canary is not None:
            return self._apply(Roles(stable=roles.stable))
        now = roles.stable if roles.stable is not None else max(pushed, default=None)
        earlier = [number for number in pushed if now is not None and number < now]
        if not earlier and roles.previous is None:
            raise invalid(f"{self._versions}: there is no version before {now} to go back to")
        back = roles.previous if roles.previous is not None else earlier[-1]
        return self._apply(Roles(stable=self._existing(back)))

    def states(self) -> dict[int, str]:
        """The running server's state of each version; empty if none is reachable."""
        if self._server is None:
            return {}
        try:
            with Client(self._server, self._model, timeout=3.0, retries=0) as client:
                return {item.version: item.error or item.state for item in client.status()}
        except ClientError:
            return {}

    def _existing(self, version: int | None) -> int:
        if version is None or version not in self.pushed:
            known = ", ".join(map(str, self.pushed)) or "none"
            raise ServingError(
                Code.NOT_FOUND, f"{self._versions}: version {version} is not there; there are: {known}"
            )
        return version

    def _apply(self, roles: Roles) -> Roles:
        """Write the roles, and wait until the server has taken them on.

        A running server refuses a label that moves to a version it has not loaded. Without a server to wait
        for, such a change is left half done, with `pending` set: the same call again does the rest.
        """
        now = self.roles
        wanted = sorted(set(roles.labels.values()))
        # What users get stays until its successor is loaded.
        both = sorted({*wanted, *([now.stable] if now.stable is not None else [])})
        kept = {label: version for label, version in now.labels.items() if version in both}
        entry = self._entry(self._config)
        assert entry is not None
        listed = set(entry.model_version_policy.specific.versions)
        moves = {version for label, version in roles.labels.items() if label in now.labels} - listed
        if self._server is None:
            self.pending = bool(moves)
            self._write(both if moves else wanted, kept if moves else roles.labels)
            return self.roles
        if not self.states():
            raise ServingError(
                Code.UNAVAILABLE,
                f"{self._server}: no server answers there; start it, name it by --server, or add --no-wait",
            )
        before = self._file.read_text("utf-8")
        self._write(both, kept)
        try:
            self._wait(lambda: self._loaded(wanted), f"versions {wanted} to load")
        except ServingError:
            self._put(before)
            raise
        self._write(wanted, roles.labels)
        self._wait(lambda: self._taken_on(roles), "the labels to move")
        return roles

    def _loaded(self, versions: list[int]) -> bool:
        states = self.states()
        for version in versions:
            state = states.get(version, "START")
            if state not in ("START", "LOADING", "AVAILABLE", "UNLOADING", "END"):
                raise ServingError(Code.FAILED_PRECONDITION, f"version {version} does not load: {state}")
        return all(states.get(version) == "AVAILABLE" for version in versions)

    def _taken_on(self, roles: Roles) -> bool:
        """Whether just these versions are loaded and each label is where it should be."""
        assert self._server is not None
        loaded = {version for version, state in self.states().items() if state == "AVAILABLE"}
        if loaded != set(roles.labels.values()) | self._others():
            return False
        for label, version in roles.labels.items():
            try:
                with Client(self._server, self._model, label=label, timeout=3.0, retries=0) as client:
                    if client.version() != version:
                        return False
            except ClientError:
                return False
        return True

    def _others(self) -> set[int]:
        """Versions under labels that are not a rollout's."""
        entry = self._entry(self._config)
        assert entry is not None
        return {version for label, version in entry.version_labels.items() if label not in ROLES}

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + self._timeout
        while not done():
            if time.monotonic() > end:
                raise ServingError(
                    Code.DEADLINE_EXCEEDED,
                    f"{self._server}: waited {self._timeout:g} s for {what}; does it read {self._file}"
                    " (--model_config_file, --model_config_file_poll_wait_seconds)?",
                )
            time.sleep(POLL_SECONDS)

    def _write(self, versions: list[int], labels: dict[str, int]) -> None:
        """Put the configuration in place in one step."""
        config = model_server_config_pb2.ModelServerConfig()
        config.CopyFrom(self._config)
        entry = self._entry(config)
        assert entry is not None
        entry.model_version_policy.specific.versions[:] = sorted({*versions, *self._others()})
        for label in ROLES:
            entry.version_labels.pop(label, None)
        for label, version in labels.items():
            entry.version_labels[label] = version
        self._put(HEADER + text_format.MessageToString(config))
        self._config = config

    def _put(self, text: str) -> None:
        draft = self._file.with_name(f".{self._file.name}.part")
        draft.write_text(text, "utf-8")
        draft.replace(self._file)

    def _entry(
        self, config: model_server_config_pb2.ModelServerConfig
    ) -> model_server_config_pb2.ModelConfig | None:
        return next((item for item in config.model_config_list.config if item.name == self._model), None)
