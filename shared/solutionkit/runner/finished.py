"""The finished runs of a project, the versions they made, and what can go."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solutionkit.errors import UserError, suggestion
from solutionkit.runner.publish import RECORD, read_record
from solutionkit.runner.serving import labels_of
from solutionkit.use_case import Project
from solutionkit.versions import GRAPH, is_number, newest_version

LATEST = "latest"
# Begins the name of what is being removed.
GONE = ".gone-"


@dataclass(frozen=True)
class FinishedRun:
    """A run as it lies in `runs/<id>/`.

    Attributes:
        folder: Its folder.
        record: The content of `run.json`.
        compared: The content of `comparison.json`.
    """

    folder: Path
    record: dict[str, Any]
    compared: dict[str, Any]

    @property
    def id(self) -> str:
        """The run's name."""
        return self.folder.name

    @property
    def when(self) -> str:
        """Day and minute."""
        day, _, time = self.id.partition("-")
        return f"{day[:4]}-{day[4:6]}-{day[6:8]} {time[:2]}:{time[2:4]}"

    @property
    def data(self) -> str:
        """The data's hash; a dash where an older version wrote none."""
        return str(self.record.get("data", {}).get("hash", "-"))

    def value(self, model: str) -> float | None:
        """A model's primary metric, if there is such a model."""
        known = self.compared["models"].get(model)
        return None if known is None else float(known["metrics"][self.compared["primary_metric"]]["value"])

    @property
    def versions(self) -> set[str]:
        """Folders of models, relative to the project, that it made or pushed."""
        made = {item["path"] for item in self.record["models"].values()}
        return made | ({self.record["pushed"]} if self.record["pushed"] else set())


@dataclass(frozen=True)
class Version:
    """A pushed version.

    Attributes:
        number: The version.
        folder: Where it lies.
        labels: What of a rollout points at it; `live` where no label says so and it is the newest.
        run: The run that pushed it first, if that is still there.
    """

    number: int
    folder: Path
    labels: tuple[str, ...]
    run: FinishedRun | None


def finished_runs(project: Project) -> list[FinishedRun]:
    """All finished runs, the oldest first.

    Raises:
        UserError: A run's files are broken.
    """
    folders = sorted(item for item in project.runs.glob("[0-9]*") if (item / RECORD).is_file())
    return [
        FinishedRun(
            folder,
            read_record(folder / RECORD, "models", "pushed"),
            read_record(folder / "comparison.json", "models", "primary_metric", "verdict", "selected"),
        )
        for folder in folders
    ]


def run_called(runs: list[FinishedRun], name: str) -> FinishedRun:
    """A run by its name, by the beginning of its name, or `latest`.

    Raises:
        UserError: There is none, or several begin so.
    """
    if not runs:
        raise UserError("there is no finished run yet; run the pipeline first: solutionkit run.")
    if name == LATEST:
        return runs[-1]
    exact = [run for run in runs if run.id == name]
    found = exact or [run for run in runs if run.id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"{len(found)} runs begin with '{name}': {', '.join(run.id for run in found)}.")
    near = suggestion(name, [run.id for run in runs])
    raise UserError(f"there is no run '{name}'{near}; see `solutionkit runs list`.")


def pushed_versions(project: Project, runs: list[FinishedRun]) -> list[Version]:
    """The versions that were pushed, the oldest first."""
    base = project.models / project.name
    by_version: dict[int, list[str]] = {}
    for label, number in labels_of(project).items():
        by_version.setdefault(number, []).append(label)
    newest = newest_version(base)
    if newest and not by_version:
        by_version[int(newest.name)] = ["live"]
    folders = [item for item in base.glob("[0-9]*") if is_number(item.name) and (item / GRAPH).is_file()]
    found = []
    for folder in sorted(folders, key=lambda item: int(item.name)):
        path = str(folder.relative_to(project.folder))
        by = next((run for run in runs if run.record["pushed"] == path), None)
        number = int(folder.name)
        found.append(Version(number, folder, tuple(sorted(by_version.get(number, []))), by))
    return found


@dataclass(frozen=True)
class Prunable:
    """What can go.

    Attributes:
        runs: Runs beyond those that are kept.
        models: Versions that no kept run made, and that do not serve.
    """

    runs: tuple[FinishedRun, ...]
    models: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        folders = [*(run.folder for run in self.runs), *self.models]
        return sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())

    def remove(self) -> None:
        """Remove it; each folder vanishes whole, and what an earlier time left goes too."""
        for folder in [*(run.folder for run in self.runs), *self.models]:
            for left in folder.parent.glob(f"{GONE}*"):
                shutil.rmtree(left)
            gone = folder.with_name(f"{GONE}{folder.name}")
            folder.rename(gone)
            shutil.rmtree(gone)


def prunable(project: Project, keep: int) -> Prunable:
    """What can go when the newest runs are kept, and all that serves.

    Args:
        project: The project.
        keep: How many runs stay, at least one.
    """
    runs = finished_runs(project)
    pushed = pushed_versions(project, runs)
    serving = {str(item.folder.relative_to(project.folder)) for item in pushed if item.labels}
    kept = [run for run in runs if run in runs[-keep:] or run.record["pushed"] in serving]
    needed = serving.union(*(run.versions for run in kept))
    gone = [run for run in runs if run not in kept]
    names = [project.name, *project.trainers]
    versions = [
        item
        for name in names
        for item in sorted((project.models / name).glob("[0-9]*"))
        if is_number(item.name) and str(item.relative_to(project.folder)) not in needed
    ]
    return Prunable(tuple(gone), tuple(versions))
